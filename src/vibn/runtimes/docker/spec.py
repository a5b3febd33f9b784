"""What a box's container is made of: one pure function from values to the engine's request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vibn.models import BoxSpec
from vibn.runtimes.docker.disk import UID
from vibn.runtimes.docker.host import AGENT_IN_BOX, CA_IN_BOX, SOCKET_IN_BOX
from vibn.runtimes.docker.owned import AGENT, UNAPPLIED, Owner
from vibn.runtimes.docker.rundir import RUN_IN_BOX
from vibn.runtimes.docker.storage import ROLES

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID")
"""What ``apt-get`` as root needs, and KILL to end what it started. The user vibn has none."""

CA_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
    "CARGO_HTTP_CAINFO",
)

# The container's first process is root's, so that a command of user=root has the capabilities
# above: an engine gives an exec no more than the container's own process has. The agent and all
# that it starts is vibn's, with none of them, and no_new_privileges keeps it so.
_BECOME_VIBN = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--init-groups", "--inh-caps=-all")
_AS_VIBN = ("env", "HOME=/home/vibn", "USER=vibn", "LOGNAME=vibn", "SHELL=/bin/bash")
PYTHON = ("/usr/bin/python3", "-I", "-S", AGENT_IN_BOX)
MAIN = (*_BECOME_VIBN, *_AS_VIBN, *PYTHON, "main", "--socket", SOCKET_IN_BOX)
RELAY = (*PYTHON, "relay", "--socket", SOCKET_IN_BOX)
ROOT = ("/usr/bin/python3", "-I", AGENT_IN_BOX, "root")


@dataclass(frozen=True, slots=True)
class Lent:
    """Files of the host to mount into the box; None where the engine cannot see them."""

    agent: Path | None = None
    run: Path | None = None
    """The directory for the agent's socket; None: the box has its own, and the relay is used."""
    ca: Path | None = None
    temporary: Sequence[tuple[Path, str]] = ()
    """Directories under the disk limit, and where the box has each."""


def container(
    owner: Owner,
    spec: BoxSpec,
    lent: Lent,
    *,
    has_ca: bool,
    host_cpus: int,
    oci_runtime: str = "",
    layer_limited: bool = False,
    unapplied: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of ``POST /containers/create``. ``host_cpus``: the engine refuses more."""
    limits = spec.limits
    host: dict[str, Any] = {
        "Init": True,
        "RestartPolicy": {"Name": "unless-stopped"},
        "NetworkMode": owner.network,
        "CapDrop": ["ALL"],
        "CapAdd": list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges"],
        "NanoCpus": int(min(limits.cpus, host_cpus) * 1e9),
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "PidsLimit": limits.pids,
        "IpcMode": "private",
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(max(limits.log, 1 << 16)), "max-file": "1"},
        },
        "Mounts": [
            {"Type": "volume", "Source": owner.volume(role), "Target": target}
            for role, target in ROLES.items()
        ]
        + _binds(lent),
    }
    if lent.run is None:
        host["Tmpfs"] = {
            RUN_IN_BOX: f"rw,nosuid,nodev,noexec,size=1m,mode=0700,uid={UID},gid={UID}"
        }
    if layer_limited:
        host["StorageOpt"] = {"size": str(limits.disk)}
    if oci_runtime:
        host["Runtime"] = oci_runtime
    labels = {UNAPPLIED: ",".join(unapplied), AGENT: "socket" if lent.run else "relay"}
    return {
        "Image": spec.image,
        "User": "0:0",
        "WorkingDir": "/workspace",
        "Entrypoint": [],
        "Cmd": list(MAIN),
        "Env": [f"{name}={value}" for name, value in environment(spec, has_ca).items()],
        "StopSignal": "SIGTERM",
        "Labels": owner.labels(spec, **labels),
        "HostConfig": host,
    }


def environment(spec: BoxSpec, has_ca: bool) -> Mapping[str, str]:
    """What every process of the box sees; the project's own variables come before ours."""
    return {
        **(dict.fromkeys(CA_VARIABLES, CA_IN_BOX) if has_ca else {}),
        **spec.env,
        "VIBN_PROJECT_SLUG": spec.project,
        "VIBN_DEV_CONTAINER": "1",
    }


def stop_grace(grace: float) -> int:
    """The engine takes whole seconds."""
    return max(0, math.ceil(grace))


def _binds(lent: Lent) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    for source, target, read_only in (
        (lent.agent, AGENT_IN_BOX, True),
        (lent.ca, CA_IN_BOX, True),
        (lent.run, RUN_IN_BOX, False),
        *((source, target, False) for source, target in lent.temporary),
    ):
        if source is not None:
            # A bind of type "bind" is refused when its source is missing; the engine would
            # make an empty directory in its place for the older "Binds".
            mounts.append(
                {
                    "Type": "bind",
                    "Source": str(source),
                    "Target": target,
                    "ReadOnly": read_only,
                    "BindOptions": {"Propagation": "rprivate"},
                }
            )
    return mounts
