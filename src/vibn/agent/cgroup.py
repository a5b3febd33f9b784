"""The box's cgroup, version 1 or 2: what it uses, what it may, and how often memory ran out."""

from __future__ import annotations

import os

from .tree import read_file

_BASE = "/sys/fs/cgroup"


def places() -> dict[str, str]:
    """The directory of each controller (version 1) and of "" (version 2), most fitting first:
    our own group where /sys shows it, else the top, which is the box's own in a container."""
    found = {}
    for line in read_file("/proc/self/cgroup", 65536).decode("utf-8", "replace").splitlines():
        _number, names, path = [*line.split(":", 2), "", ""][:3]
        for name in names.split(","):
            top = _BASE + ("/" + name if name else "")
            inner = top + path if path != "/" else top
            found[name] = inner if ".." not in path and os.path.isdir(inner) else top
    return found


def number(text: bytes, key: str = "") -> int | None:
    """A whole number of a cgroup file: the only word, or the one after ``key``."""
    for line in text.decode("ascii", "replace").splitlines():
        words = line.split()
        if not key and words and words[0].isdigit():
            return int(words[0])
        if key and len(words) == 2 and words[0] == key and words[1].isdigit():
            return int(words[1])
    return None


class OomCounter:
    """Counts the processes of the box that the kernel killed for want of memory. Reading costs
    one system call; None where no cgroup tells."""

    def __init__(self) -> None:
        self._fd = -1
        found = places()
        candidates = []
        if "memory" in found:
            candidates.append(found["memory"] + "/memory.oom_control")
        if "" in found:
            candidates.append(found[""] + "/memory.events")
        for path in candidates:
            if number(read_file(path), "oom_kill") is not None:
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                return

    def read(self) -> int | None:
        if self._fd < 0:
            return None
        try:
            return number(os.pread(self._fd, 4096, 0), "oom_kill")
        except OSError:
            return None
