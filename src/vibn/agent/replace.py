"""Atomic replacement of a file's content: a temporary file beside it, then a rename.

Until ``commit`` returns the old file is untouched, and after a failure nothing is left behind.
"""

from __future__ import annotations

import os
from errno import EMLINK, ENOTSUP, EOPNOTSUPP, EPERM

from .failure import Failure, from_os_error
from .paths import Place, require_file

PREFIX = ".vibn-"
SUFFIX = ".tmp"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_temporary(name: str) -> bool:
    """Whether ``name`` is one of our temporary files, which nobody is told of."""
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


class Replacement:
    """New content for ``place``, which stays open as long as this is used.

    Use it as a context manager: without ``commit`` the temporary file is removed. The mode of an
    existing file is kept unless ``mode`` is given. ``over`` replaces whatever is there, except a
    directory. Raises Failure: denied when the existing file may not be written, disk_full, and
    what else the system says.
    """

    def __init__(self, place: Place, mode: int | None = None, over: bool = False) -> None:
        self.place = place
        self.before = place.stat()
        self.size = 0
        self._mode = mode
        self._name = ""
        self._fd = -1
        if not place.name:
            raise Failure("invalid_input", "/workspace itself is a directory")
        if self.before is not None and not over:
            require_file(self.before, place.path)
            if not os.access(place.name, os.W_OK, dir_fd=place.folder):
                raise Failure("denied", "%s may not be written" % place.path)
            if mode is None:
                self._mode = self.before.st_mode & 0o7777
        name = PREFIX + os.urandom(8).hex() + SUFFIX
        try:
            # A new file gets what the umask leaves; another must not be readable meanwhile.
            start = 0o666 if self._mode is None else 0o600
            self._fd = os.open(name, _NEW, start, dir_fd=place.folder)
        except OSError as error:
            raise from_os_error(error, place.path) from None
        self._name = name

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self.size += len(data)
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                data = data[written:]
                written = os.write(self._fd, data)
        except OSError as error:
            raise from_os_error(error, self.place.path) from None

    def commit(
        self, exclusive: bool = False, sync: bool = False, mtime: float | None = None
    ) -> None:
        """Put the new content in place. ``exclusive`` never replaces a file; ``sync`` returns when
        it is on the disk; ``mtime`` is set in seconds since the epoch."""
        folder = self.place.folder
        name = self.place.name
        try:
            if self._mode is not None:
                os.fchmod(self._fd, self._mode)
            if mtime is not None:
                os.utime(self._fd, (mtime, mtime))
            if sync:
                os.fsync(self._fd)
            fd, self._fd = self._fd, -1
            os.close(fd)
            if exclusive:
                self._link(folder, name)
            else:
                os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
                self._name = ""
            if sync:
                _sync_folder(folder)
        except IsADirectoryError:
            raise Failure("already_exists", "%s is a directory" % self.place.path) from None
        except OSError as error:
            raise from_os_error(error, self.place.path) from None

    def _link(self, folder: int, name: str) -> None:
        try:
            # Unlike a rename, a link fails when the name is taken.
            os.link(self._name, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (EPERM, ENOTSUP, EOPNOTSUPP, EMLINK):
                raise
            if self.place.stat() is not None:
                raise Failure("already_exists", "%s exists" % self.place.path) from None
            os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
            self._name = ""

    def __enter__(self) -> Replacement:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError:
                pass  # the file goes away; what its last bytes met does not matter
        if self._name:
            name, self._name = self._name, ""
            try:
                os.unlink(name, dir_fd=self.place.folder)
            except FileNotFoundError:
                pass


def _sync_folder(folder: int) -> None:
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
