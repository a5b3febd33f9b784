"""The files that hold a command's whole output when its answer was cut. Few and bounded."""

from __future__ import annotations

import os

LIMIT = 64 * 1024 * 1024
"""Bytes kept of one command's output."""
KEPT = 20
"""Logs kept; the oldest go first."""
KEPT_BYTES = 512 * 1024 * 1024


class Log:
    """One file. Trouble with the disk ends the log, never the command."""

    def __init__(self, directory: str, name: str) -> None:
        self.path: str | None = None
        self._fd = -1
        self._room = LIMIT
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
            _make_room(directory)
            path = "%s/%s.log" % (directory, name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(path, flags, 0o600)
            self.path = path
        except OSError:
            return

    def write(self, data: bytes) -> None:
        if self._fd < 0 or not self._room:
            return
        data = data[: self._room]
        try:
            while data:
                sent = os.write(self._fd, data)
                self._room -= sent
                data = data[sent:]
        except OSError:
            # A full disk: half a log would pass for the whole, so it goes.
            self._drop()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self) -> None:
        self.close()
        if self.path is not None:
            try:
                os.unlink(self.path)
            except OSError:
                pass
            self.path = None


def _make_room(directory: str) -> None:
    files = []
    for entry in os.scandir(directory):
        if entry.name.endswith(".log"):
            status = entry.stat(follow_symlinks=False)
            files.append((status.st_mtime, entry.path, status.st_blocks * 512))
    files.sort(reverse=True)
    size = LIMIT
    for index, (_mtime, path, used) in enumerate(files):
        size += used
        if index >= KEPT - 1 or size > KEPT_BYTES:
            os.unlink(path)
