"""What this host lets us do for boxes, found out by trying it, once for each runtime object."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vibn.runtimes.bubblewrap import cgroups, usernet, veth
from vibn.runtimes.bubblewrap.commands import run, which

INSTALL = "apt-get install -y --no-install-recommends bubblewrap"
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_CLONE = Path("/proc/sys/kernel/unprivileged_userns_clone")


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether the runtime can make boxes now; otherwise why not, and what mends it."""

    usable: bool
    reason: str = ""
    fix: str = ""


class Networking(StrEnum):
    VETH = "veth"
    PASTA = "pasta"
    SLIRP = "slirp4netns"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Host:
    """``why_host`` says why boxes have no network of their own, when they have none."""

    root: bool
    hierarchies: cgroups.Hierarchies | None
    networking: Networking
    why_host: str = ""


async def available() -> Availability:
    """Whether bwrap makes sandboxes here. Changes nothing; takes at most 10 s."""
    if which("bwrap") is None:
        return Availability(False, "the program bwrap is missing", INSTALL)
    if not Path("/usr/bin/python3").exists():
        fix = "apt-get install -y --no-install-recommends python3"
        return Availability(False, "/usr/bin/python3, which runs the agent, is missing", fix)
    if os.geteuid() == 0:
        tried = await run(["unshare", "--user", "true"])
    else:
        tried = await run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"])
    if tried.status == 0:
        return Availability(True)
    return Availability(False, f"namespaces are refused ({tried.complaint})", _namespace_fix())


def _namespace_fix() -> str:
    if _on(_APPARMOR, "1"):
        return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (or run vibn as root)"
    if _on(_CLONE, "0"):
        return "sysctl -w kernel.unprivileged_userns_clone=1"
    if _on(Path("/proc/sys/user/max_user_namespaces"), "0"):
        return "sysctl -w user.max_user_namespaces=10000"
    return "allow namespaces here; in a container that takes --privileged, or use Docker"


def _on(file: Path, value: str) -> bool:
    return file.is_file() and file.read_text().strip() == value


async def look(group: str) -> Host:
    """Try each mechanism. ``group`` names the directory of our cgroups."""
    hierarchies = cgroups.detect(group)
    root = os.geteuid() == 0
    if root:
        missing = await veth.missing()
        return Host(root, hierarchies, Networking.HOST if missing else Networking.VETH, missing)
    missing = usernet.missing()
    found = usernet.program()
    if missing or found is None:
        return Host(root, hierarchies, Networking.HOST, missing)
    return Host(root, hierarchies, Networking(found))
