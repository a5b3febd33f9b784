"""Who descends from whom, from /proc. Needs no process, thread or memory to speak of, so it works
when the box's pids limit is reached."""

from __future__ import annotations

import os
import time


class Process:
    """One line of /proc; ``start`` (clock ticks since the host's boot) with the pid names it."""

    __slots__ = ("name", "parent", "pid", "session", "start", "state")

    def __init__(
        self, pid: int, name: str, state: str, parent: int, session: int, start: int
    ) -> None:
        self.pid = pid
        self.name = name
        self.state = state
        self.parent = parent
        self.session = session
        self.start = start

    @property
    def dead(self) -> bool:
        return self.state in "ZX"


def read_file(path: str, limit: int = 4096) -> bytes:
    """At most ``limit`` bytes of a file of /proc; b"" when it is gone or refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, limit)
    except OSError:
        return b""
    finally:
        os.close(fd)


def process(pid: int) -> Process | None:
    """The process, or None when there is none (a zombie still is one)."""
    text = read_file("/proc/%d/stat" % pid)
    left, right = text.find(b"("), text.rfind(b")")
    fields = text[right + 2 :].split()
    if left < 0 or len(fields) < 20:
        return None
    name = text[left + 1 : right].decode("utf-8", "replace")
    return Process(pid, name, fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19]))


def everything() -> dict[int, Process]:
    """Every process that can be seen, by pid."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            one = process(int(name))
            if one is not None:
                found[one.pid] = one
    return found


def marker_of(pid: int) -> str:
    """The marker in its environment; "" without one, or when we may not look."""
    data = b"\0" + read_file("/proc/%d/environ" % pid, 1 << 18)
    at = data.find(b"\0VIBN_RUN=")
    if at < 0:
        return ""
    end = data.find(b"\0", at + 10)
    return data[at + 10 : end if end >= 0 else len(data)].decode("ascii", "replace")


def children_of(pid: int) -> list[int] | None:
    """The pids of its children; None where the kernel does not tell."""
    try:
        fd = os.open("/proc/%d/task/%d/children" % (pid, pid), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return [] if process(pid) is None else None
    try:
        return [int(word) for word in os.read(fd, 1 << 16).split()]
    except OSError:
        return []
    finally:
        os.close(fd)


class Snapshot:
    """All processes at one moment, with the markers that were asked for. Shared by those who look
    at about the same time: a client that goes away may end hundreds of commands at once."""

    _latest: Snapshot | None = None

    def __init__(self) -> None:
        self.taken = time.monotonic()
        self.table = everything()
        self.table.pop(os.getpid(), None)
        self._markers: dict[int, str] = {}

    def marker(self, pid: int) -> str:
        found = self._markers.get(pid)
        if found is None:
            found = self._markers[pid] = marker_of(pid)
        return found

    @classmethod
    def since(cls, moment: float) -> Snapshot:
        """One that was begun at ``moment`` (of the monotonic clock) or later."""
        latest = cls._latest
        if latest is None or latest.taken < moment:
            latest = cls._latest = cls()
        return latest

    @classmethod
    def forget(cls) -> None:
        cls._latest = None


class Family:
    """The processes that belong to one command: the shell ``root`` (also its session's id), all
    that descends from it, and all that carry its marker. Found again and again while it is
    killed, so what was found stays a member and what was cleared is not read twice."""

    def __init__(self, root: int, marker: str) -> None:
        self.root = root
        self.marker = marker
        self._members: set[tuple[int, int]] = set()
        self._strangers: set[tuple[int, int]] = set()

    def find(self, since: float | None = None) -> list[Process]:
        """The living members now, or at some moment after ``since``."""
        snapshot = Snapshot.since(time.monotonic() if since is None else since)
        table = snapshot.table
        for one in table.values():
            if one.pid == self.root or one.session == self.root:
                self._members.add((one.pid, one.start))
        # Parents before markers: the kernel shows no environment of a process that is just being
        # copied, and to look at a fork bomb's would wait for each of its copies.
        self._close_over(table)
        if self._mark(snapshot):
            self._close_over(table)
        return [
            one for one in table.values() if not one.dead and (one.pid, one.start) in self._members
        ]

    def _mark(self, snapshot: Snapshot) -> bool:
        """Take in those that carry the marker; whether there were any."""
        grown = False
        for one in snapshot.table.values():
            key = (one.pid, one.start)
            if key in self._members or key in self._strangers:
                continue
            if snapshot.marker(one.pid) == self.marker:
                self._members.add(key)
                grown = True
            else:
                self._strangers.add(key)
        return grown

    def _close_over(self, table: dict[int, Process]) -> None:
        members = {pid for pid, one in table.items() if (pid, one.start) in self._members}
        grown = bool(members)
        while grown:
            grown = False
            for one in table.values():
                if one.pid not in members and one.parent in members:
                    members.add(one.pid)
                    self._members.add((one.pid, one.start))
                    grown = True


def left_by(root: int, marker: str, orphans: dict[int, str]) -> list[Process]:
    """The living processes that a command left behind, once its shell is gone.

    They, or the ancestor they hang on, have become children of ours, and we look at those alone:
    ``orphans`` remembers the marker of each, so that daemons do not make later commands slow.
    """
    ours = children_of(os.getpid())
    if ours is None:
        return Family(root, marker).find()
    found = []
    for pid in ours:
        known = orphans.get(pid)
        if known is None:
            known = marker_of(pid)
            one = process(pid)
            if not known and one is not None and one.session == root:
                known = marker
            if one is None or one.dead:
                continue
            orphans[pid] = known
        if known == marker:
            found.append(pid)
    at = 0
    while at < len(found) and at < 1000:
        found.extend(children_of(found[at]) or ())
        at += 1
    alive = (process(pid) for pid in found)
    return [one for one in alive if one is not None and not one.dead]
