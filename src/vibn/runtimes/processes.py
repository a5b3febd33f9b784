"""Processes of this host, told apart by pid and start time: a pid may be used again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """A random id of this boot of the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class Process:
    """``start`` is in clock ticks after the boot, as /proc tells it."""

    pid: int
    start: int

    @classmethod
    def find(cls, pid: int) -> Process | None:
        """The process that has this pid now; None for a zombie, too."""
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else cls(pid, int(fields[19]))

    def alive(self) -> bool:
        return Process.find(self.pid) == self

    def state(self) -> str:
        """The kernel's letter (``S``, ``T``, ...); ``X`` when it is gone."""
        fields = _stat(self.pid)
        return "X" if fields is None or int(fields[19]) != self.start else fields[0]

    def open(self) -> int | None:
        """A pidfd that is this very process, or None when it has ended. The caller closes it."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if self.alive():
            return fd
        os.close(fd)
        return None

    def send(self, number: signal.Signals) -> bool:
        """Signal this very process; False when it has ended."""
        fd = self.open()
        if fd is None:
            return False
        try:
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(fd)
        return True

    def name(self) -> str:
        """The command's name as the process set it: text to show, nothing to trust."""
        try:
            return Path(f"/proc/{self.pid}/comm").read_text(errors="replace").strip()
        except OSError:
            return ""

    def descendants(self) -> Iterator[Process]:
        """All processes below this one. Below a pid namespace's first process that is all of it."""
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            for child in _children(pid):
                waiting.append(child)
                found = Process.find(child)
                if found is not None:
                    yield found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        return found
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on: the name before may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
