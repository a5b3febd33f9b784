"""The operation info: what the box uses, what it may, what listens in it."""

from __future__ import annotations

import os
import sys
import time

from .agent import VERSION
from .args import take
from .cgroup import number, places
from .tree import everything, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .agent import Agent
    from .context import Context
    from .ops import Result

MAX_PORTS = 200
_NO_LIMIT = 1 << 60
"""Version 1 writes a huge number where there is no limit."""
_LISTEN = b"0A"


def handle(context: Context, args: dict[str, Any], body: bytes) -> Generator[Any, Any, Result]:
    del body
    given = take(args, {"disk": (bool, False)})
    agent = context.agent
    yield None
    used = None
    if given["disk"]:
        used = yield from _measure(context.root)
    ports = yield from _ports()
    return {
        "version": VERSION,
        "build": agent.build,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "pid": os.getpid(),
        "boot": agent.boot,
        "uptime": time.time() - agent.started,
        **_usage(agent),
        "disk": _disk(context.root, used),
        "ports": ports,
        "agent": _own(agent),
        "user": _user(),
        "ripgrep": _on_path("rg", agent.environ.get("PATH", os.defpath)),
    }, b""


def _usage(agent: Agent) -> dict[str, Any]:
    """CPU, memory and pids, from whichever version of cgroups is there; null where none tells."""
    found = places()
    one = found.get("")
    cpu: dict[str, float | None] = {"used_s": None, "limit": None}
    memory: dict[str, int | None] = {"used": None, "limit": None}
    pids: dict[str, int | None] = {"used": None, "limit": None}
    if "memory" in found:
        base = found["memory"]
        memory["used"] = number(read_file(base + "/memory.usage_in_bytes"))
        memory["limit"] = number(read_file(base + "/memory.limit_in_bytes"))
    elif one is not None:
        memory["used"] = number(read_file(one + "/memory.current"))
        memory["limit"] = number(read_file(one + "/memory.max"))
    base = found.get("pids", one or "")
    pids["used"] = number(read_file(base + "/pids.current"))
    pids["limit"] = number(read_file(base + "/pids.max"))
    nanoseconds = number(read_file(found.get("cpuacct", "") + "/cpuacct.usage"))
    if nanoseconds is not None:
        cpu["used_s"] = nanoseconds / 1e9
        quota = number(read_file(found.get("cpu", "") + "/cpu.cfs_quota_us"))
        period = number(read_file(found.get("cpu", "") + "/cpu.cfs_period_us"))
        cpu["limit"] = quota / period if quota and period else None
    elif one is not None:
        microseconds = number(read_file(one + "/cpu.stat"), "usage_usec")
        cpu["used_s"] = None if microseconds is None else microseconds / 1e6
        words = read_file(one + "/cpu.max").split()
        if len(words) == 2 and words[0].isdigit():
            cpu["limit"] = int(words[0]) / int(words[1])
    if (memory["limit"] or 0) >= _NO_LIMIT:
        memory["limit"] = None
    return {"cpu": cpu, "memory": dict(memory, oom_kills=agent.oom_kills()), "pids": pids}


def _disk(root: str, workspace: int | None) -> dict[str, int | None]:
    try:
        status = os.statvfs(root)
    except OSError:
        return {"total": None, "free": None, "workspace": workspace}
    return {
        "total": status.f_blocks * status.f_frsize,
        "free": status.f_bavail * status.f_frsize,
        "workspace": workspace,
    }


def _measure(root: str) -> Generator[None, None, int]:
    """Bytes on disk beneath ``root``, files with several names counted once."""
    total = 0
    seen = set()
    pending = [root]
    while pending:
        yield None
        try:
            entries = os.scandir(pending.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                except OSError:
                    continue
                if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


def _ports() -> Generator[None, None, list[dict[str, Any]]]:
    """Listening TCP ports, with the process that holds each where we may see it."""
    found = {}
    for path, wide in (("/proc/net/tcp", False), ("/proc/net/tcp6", True)):
        for line in read_file(path, 1 << 20).splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == _LISTEN:
                address, _, port = words[1].partition(b":")
                found[int(words[9])] = (int(port, 16), _address(address.decode(), wide))
    owners = (yield from _owners(set(found))) if found else {}
    ports = []
    for inode, (listening, host) in sorted(found.items(), key=lambda item: item[1])[:MAX_PORTS]:
        pid, name = owners.get(inode, (None, None))
        ports.append({"port": listening, "host": host, "pid": pid, "name": name})
    return ports


def _address(text: str, wide: bool) -> str:
    import _socket

    raw = bytes.fromhex(text)
    # Words of four bytes in the machine's order.
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return _socket.inet_ntop(_socket.AF_INET6 if wide else _socket.AF_INET, raw)


def _owners(inodes: set[int]) -> Generator[None, None, dict[int, tuple[int, str]]]:
    owners: dict[int, tuple[int, str]] = {}
    for one in everything().values():
        yield None
        base = "/proc/%d/fd" % one.pid
        try:
            names = os.listdir(base)
        except OSError:
            continue
        for name in names:
            try:
                target = os.readlink(base + "/" + name)
            except OSError:
                continue
            if target.startswith("socket:[") and int(target[8:-1]) in inodes:
                owners.setdefault(int(target[8:-1]), (one.pid, one.name))
    return owners


def _own(agent: Agent) -> dict[str, int | None]:
    """The agent's own memory in bytes, its commands so far, its open descriptors."""
    rss = private = None
    fields = read_file("/proc/self/statm").split()
    if len(fields) > 1:
        rss = int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    rollup = read_file("/proc/self/smaps_rollup", 8192)
    parts = [_kilobytes(rollup, name) for name in (b"Private_Clean:", b"Private_Dirty:")]
    known = [part for part in parts if part is not None]
    if known:
        private = sum(known) * 1024
    return {
        "rss": rss,
        "private": private,
        "commands": agent.commands,
        "fds": len(os.listdir("/proc/self/fd")) - 1,
    }


def _kilobytes(text: bytes, name: bytes) -> int | None:
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name:
            return int(words[1])
    return None


def _user() -> str:
    uid = os.geteuid()
    for line in read_file("/etc/passwd", 1 << 20).decode("utf-8", "replace").splitlines():
        words = line.split(":")
        if len(words) > 2 and words[2] == str(uid):
            return words[0]
    return str(uid)


def _on_path(name: str, path: str) -> bool:
    return any(os.access(place + "/" + name, os.X_OK) for place in path.split(":") if place)
