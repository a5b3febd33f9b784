"""The arguments of bwrap: everything that a box sees, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vibn.runtimes.bubblewrap import etc
from vibn.runtimes.bubblewrap.places import Places

HOME = "/home/vibn"
PATH = (
    f"{HOME}/.local/bin:/opt/vibn/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
)
PYTHON = "/usr/bin/python3"
AGENT = "/opt/vibn/agent.pyz"
SOCKET = "/run/vibn/agent.sock"
MAIN = (PYTHON, "-I", "-S", AGENT, "main", "--socket", SOCKET)
"""The first process of the box's pid namespace: a signal from inside cannot kill it, so what
kills all that it may (``kill -9 -1``) leaves it, and it starts the agent again."""

_HOLDERS = ("/etc", "/etc/ssl", "/etc/ssl/certs", "/home", "/opt", "/opt/vibn", "/run", "/sys")
"""Directories of bwrap's that only hold our mounts."""
_ELSEWHERE = {
    "ca-certificates.crt": etc.CERTIFICATES,
    "openssl.cnf": "/etc/ssl/openssl.cnf",
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One box to start. ``userns`` is a descriptor of ours; ``own_network`` tells whether
    bwrap makes the network namespace."""

    places: Places
    zipapp: Path
    host: Path
    """The copy of what programs need of the host's /etc (``etc.copy_host``)."""
    hostname: str
    env: Mapping[str, str]
    userns: int
    views: Sequence[tuple[Path, str]] = ()
    own_network: bool = False


def arguments(box: Sandbox, userns: int) -> list[str]:
    """bwrap's options, the program to run excluded. ``userns`` is the descriptor of the user
    namespace in bwrap."""
    return [
        *_namespaces(box, userns),
        *_host(),
        *_etc(box),
        *_own(box),
        *_environment(box.env),
        *("--chdir", "/workspace"),
    ]


def _namespaces(box: Sandbox, userns: int) -> list[str]:
    return [
        *("--userns", str(userns)),
        *("--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *(["--unshare-net"] if box.own_network else []),
        *("--hostname", box.hostname, "--new-session", "--as-pid-1"),
    ]


def _host() -> list[str]:
    """/usr read-only, and the names by which the system calls parts of it."""
    found = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/") / name
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            found += ["--ro-bind", str(path), str(path)]
    return found


def _etc(box: Sandbox) -> list[str]:
    places, host = box.places, box.host
    found = [part for name in _HOLDERS for part in ("--perms", "0755", "--dir", name)]
    found += ["--ro-bind", str(places.etc), "/etc/.vibn"]
    for name in _names(places.etc):
        found += ["--symlink", f"/etc/.vibn/{name}", _ELSEWHERE.get(name, f"/etc/{name}")]
    found += ["--ro-bind", str(host), "/etc/.host"]
    for name in _names(host):
        if name != "bin":
            found += ["--symlink", f"/etc/.host/{name}", _ELSEWHERE.get(name, f"/etc/{name}")]
    found += ["--symlink", "/proc/self/mounts", "/etc/mtab"]
    found += ["--ro-bind", str(host / "bin"), "/opt/vibn/bin"]
    return found


def _names(directory: Path) -> list[str]:
    names = (path.name for path in directory.iterdir())
    return sorted(name for name in names if not name.startswith("."))


def _own(box: Sandbox) -> list[str]:
    places = box.places
    shown = [part for ours, there in box.views for part in ("--ro-bind-try", str(ours), there)]
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--bind", str(places.tmp), "/tmp"),
        *("--dir", "/var", "--symlink", "/tmp", "/var/tmp"),
        *("--bind", str(places.home), HOME),
        *("--bind", str(places.cache), f"{HOME}/.cache"),
        *("--bind", str(places.workspace), "/workspace"),
        *("--bind", str(places.run), "/run/vibn"),
        *("--ro-bind", str(box.zipapp), AGENT),
        *shown,
        # What bwrap made to hold all this stays as it is.
        *("--remount-ro", "/"),
    ]


def _environment(env: Mapping[str, str]) -> list[str]:
    found = ["--clearenv"]
    for name, value in env.items():
        found += ["--setenv", name, value]
    return found


def environment(project: str, announce: bool, extra: Mapping[str, str]) -> dict[str, str]:
    """The variables of every process in the box; what the project sets (``extra``) wins, except
    over what tells the box apart. ``announce`` names the CA bundle to programs."""
    found = {
        "HOME": HOME,
        "USER": "vibn",
        "LOGNAME": "vibn",
        "SHELL": "/bin/bash",
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "npm_config_cache": f"{HOME}/.cache/npm",
    }
    if announce:
        found.update(dict.fromkeys(etc.ANNOUNCED, etc.CERTIFICATES))
    found.update(extra)
    found["VIBN_PROJECT_SLUG"] = project
    found["VIBN_DEV_CONTAINER"] = "1"
    return found
