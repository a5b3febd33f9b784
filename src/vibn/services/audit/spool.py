"""Spools: rows on their way to the store, as files that outlive the process.

A row is one line, written by one ``write`` into the page cache before ``append`` returns: a
SIGKILL loses none of them. Nothing waits for the disk here, so a cut of power loses what the
kernel had not written yet (the store's own commits wait for it).

A chain has a directory of its own, which its process holds a lock on (``flock``) for as long as
it lives. Its rows lie in segments named by their first row's number. What is being carried to the
store is never appended to: ``cut`` begins a new segment for later rows, and a segment is removed
when the store has all of it. A directory that nobody holds was left by a killed process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibn.authority import AuditRow
from vibn.services.audit import line
from vibn.services.audit.anchors import CHAIN

log = logging.getLogger(__name__)

SEGMENT = 1 << 20
"""Bytes after which a segment is followed by another, so that one is read at once."""
_SUFFIX = ".spool"
_DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chain with a spool: whether its process lives, and the first row that waits, if one
    does."""

    alive: bool
    first: int | None


class Spool:
    """One chain's. ``append`` and ``cut`` are for one thread; ``lock`` is the held directory."""

    def __init__(self, directory: Path, lock: int) -> None:
        self.chain = directory.name
        self._directory = directory
        self._lock = lock
        self._file = -1
        self._written = 0
        self._sizes = {path: path.stat().st_size for path in _segments(directory)}
        self.size = sum(self._sizes.values())
        """Bytes that wait."""

    def append(self, seq: int, sealed: bytes) -> None:
        """Raises OSError; then nothing of the row is there."""
        if self._file < 0 or self._written >= SEGMENT:
            self._begin(seq)
        written = os.write(self._file, sealed)
        if written != len(sealed):
            os.ftruncate(self._file, self._written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._written += written
        self._sizes[self._last] += written
        self.size += written

    def cut(self) -> list[Path]:
        """The segments that wait, oldest first; none of them grows any more."""
        self._end()
        return sorted(self._sizes)

    def drop(self, segment: Path) -> None:
        """The store has it."""
        segment.unlink(missing_ok=True)
        self.size -= self._sizes.pop(segment, 0)

    def quarantine(self, segment: Path) -> None:
        """Keep it for a person to look at; nobody carries it any more."""
        segment.rename(segment.with_suffix(_DAMAGED))
        self.size -= self._sizes.pop(segment, 0)

    def close(self) -> None:
        """Let go. What waits is for the next process; without that, the directory goes too."""
        self._end()
        if not self._sizes:
            with contextlib.suppress(OSError):  # a damaged segment stays in it
                self._directory.rmdir()
        os.close(self._lock)

    def _begin(self, seq: int) -> None:
        self._end()
        path = self._directory / f"{seq:019d}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._last = path
        self._sizes[path] = 0

    def _end(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._written = -1, 0


class Spools:
    """All spools of one state directory, of every process that uses it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def begin(self, chain: str) -> Spool:
        """Raises OSError."""
        with self._sorted_out():
            path = self._directory / chain
            path.mkdir(mode=0o700)
            lock = _held(path)
            if lock is None:
                raise OSError(errno.EBUSY, "another process holds it", str(path))
            return Spool(path, lock)

    def adopt(self) -> list[Spool]:
        """Those that killed processes left: this process holds them now."""
        if not self._directory.is_dir():
            return []
        with self._sorted_out():
            held = [(path, _held(path)) for path in self._chains()]
            return [Spool(path, lock) for path, lock in held if lock is not None]

    def waiting(self) -> dict[str, Waiting]:
        """By the name of the chain."""
        if not self._directory.is_dir():
            return {}
        with self._sorted_out():
            return {path.name: _waiting(path) for path in self._chains()}

    def _chains(self) -> list[Path]:
        return sorted(p for p in self._directory.iterdir() if CHAIN.fullmatch(p.name))

    @contextmanager
    def _sorted_out(self) -> Iterator[None]:
        """One process at a time: a directory is never seen before its maker holds it."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def read(segment: Path) -> list[AuditRow]:
    """Its rows. A last line without an end is no row: its writer was killed in the middle, and
    nobody was told that it is noted. Raises ValueError when another line is not one, OSError."""
    *lines, _torn = segment.read_bytes().split(b"\n")
    return [line.parse(text) for text in lines]


def _segments(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{_SUFFIX}"))


def _waiting(directory: Path) -> Waiting:
    lock = _held(directory)
    if lock is not None:
        os.close(lock)
    names = [path.stem for path in _segments(directory)]
    return Waiting(alive=lock is None, first=int(names[0]) if names else None)


def _held(directory: Path) -> int | None:
    """The directory's lock, or None when another holds it or it is gone."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        directory.stat()  # gone, when its holder removed it just now
    except (BlockingIOError, FileNotFoundError):
        os.close(descriptor)
        return None
    return descriptor
