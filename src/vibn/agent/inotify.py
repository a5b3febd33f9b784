"""The kernel's file notifications."""

from __future__ import annotations

import os
from struct import Struct

from .failure import Failure, from_os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MODIFY, CLOSE_WRITE = 0x2, 0x8
MOVED_FROM, MOVED_TO = 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
OVERFLOW, IGNORED = 0x4000, 0x8000
FOLDER = 0x40000000
_ONLY_FOLDERS = 0x01000000
_WANTED = MODIFY | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF
_EVENT = Struct("iIII")


class Inotify:
    """One queue of events. ``fd`` is readable when there are some."""

    def __init__(self) -> None:
        import ctypes

        self._ctypes = ctypes
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise self._failure("watching files")

    def _failure(self, what: str) -> Failure:
        number = self._ctypes.get_errno()
        return from_os_error(OSError(number, os.strerror(number)), what)

    def add(self, folder: int, top: bool = False) -> int:
        """Watch the open directory; the number its events carry. ``top`` tells of its own move
        too. Raises OSError: ENOSPC when the kernel allows no more."""
        path = b"/proc/self/fd/%d" % folder
        mask = _WANTED | _ONLY_FOLDERS | (MOVE_SELF if top else 0)
        watch: int = self._libc.inotify_add_watch(self.fd, path, mask)
        if watch < 0:
            number = self._ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return watch

    def remove(self, watch: int) -> None:
        self._libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> Iterator[tuple[int, int, str]]:
        """What is there now: the watch, the mask, and the name in the directory."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return
        at = 0
        while at + _EVENT.size <= len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            yield watch, mask, os.fsdecode(data[at : at + size].rstrip(b"\0"))
            at += size

    def close(self) -> None:
        os.close(self.fd)
