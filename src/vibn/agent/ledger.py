"""Which foreground commands run, in one small file: after a SIGKILL of the agent the next one ends
them, as a closed connection would have. Commands cost two writes to it, and no file each."""

from __future__ import annotations

import os

_SLOT = 64


class Ledger:
    """Slots of 64 bytes: ``pid marker`` or blanks."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._free: list[int] = []
        self._slots = 0
        self._broken = False

    def leftovers(self) -> list[tuple[int, str]]:
        """(pid, marker) of each command that an earlier agent did not see end. Clears the file."""
        found = []
        data = os.pread(self._fd, _SLOT * 20000, 0)
        for line in data.decode("ascii", "replace").split("\n"):
            pid, _, marker = line.strip().partition(" ")
            if pid.isdigit() and marker:
                found.append((int(pid), marker))
        os.ftruncate(self._fd, 0)
        return found

    def enter(self, pid: int, marker: str) -> int:
        """Note a command; returns its slot."""
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._slots
            self._slots += 1
        self._put(slot, "%d %s" % (pid, marker))
        return slot

    def leave(self, slot: int) -> None:
        """Forget a command; one that began before there was a ledger (-1) was never noted."""
        if slot < 0:
            return
        self._put(slot, "")
        self._free.append(slot)

    def _put(self, slot: int, text: str) -> None:
        try:
            os.pwrite(self._fd, text.ljust(_SLOT - 1).encode() + b"\n", slot * _SLOT)
        except OSError:
            # A full disk must not stop commands; what is lost is only the tidying after a kill.
            self._broken = True
