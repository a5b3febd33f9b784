"""Paths beneath the workspace, resolved by descriptors and never by name alone.

Each component is opened without following links, from the descriptor of the directory before it;
a link is read and its target walked in the same way. What is checked is therefore what is used:
swapping a directory for a link meanwhile cannot lead an operation out of the workspace.
"""

from __future__ import annotations

import os
from errno import EINVAL, ELOOP, ENOENT, ENOTDIR
from stat import S_ISDIR, S_ISLNK, S_ISREG

from .failure import Failure, from_os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_LINKS = 40
MAX_PATH = 4096
NAMES = ["workspace"]
"""The components by which an absolute path enters the workspace, wherever it really lies."""

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Root:
    """The open directory that nothing leaves; close it, or use it as a context manager.

    ``names`` are the components of the absolute path that means it.
    """

    __slots__ = ("entries", "fd", "names")

    def __init__(self, directory: str) -> None:
        try:
            self.fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise from_os_error(error, "the workspace") from None
        self.names = NAMES
        self.entries = (NAMES, [name for name in directory.split("/") if name])

    def beneath(self, parts: list[str]) -> Root:
        """The directory ``parts`` of this root as a root of its own."""
        inner = Root.__new__(Root)
        inner.fd = open_folder(self.fd, parts)
        inner.names = self.names + parts
        inner.entries = (inner.names, self.entries[1] + parts)
        return inner

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Root:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


class Place:
    """Where a path leads: the open directory ``folder`` and the ``name`` in it, which need not
    exist. The root itself has no name. Close it, or use it as a context manager."""

    __slots__ = ("_owned", "folder", "name", "parts")

    def __init__(self, folder: int, name: str, parts: list[str], owned: bool) -> None:
        self.folder = folder
        self.name = name
        self.parts = parts
        self._owned = owned

    @property
    def path(self) -> str:
        """Relative to the workspace; ``.`` for itself."""
        return "/".join(self.parts) or "."

    def stat(self) -> os.stat_result | None:
        """Of the thing itself, a link not followed; None when there is nothing."""
        try:
            if not self.name:
                return os.fstat(self.folder)
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise from_os_error(error, self.path) from None

    def missing(self) -> Failure:
        return Failure("file_missing", "%s does not exist" % self.path)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            os.close(self.folder)


def components(path: str) -> list[str]:
    """The components of a path that a client sent, last first. Raises Failure(invalid_input)."""
    if not path:
        raise Failure("invalid_input", "the path is empty")
    if "\0" in path:
        raise Failure("invalid_input", "a path must not hold a NUL character")
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise Failure("invalid_input", "the path is not Unicode text") from None
    if size > MAX_PATH:
        raise Failure("invalid_input", "a path has at most %d bytes" % MAX_PATH)
    return _split(path)


def locate(root: Root, path: str, follow: bool = True, make: bool = False) -> Place:
    """The place that ``path`` names: absolute (``/workspace/...``) or relative to the root.

    ``follow`` says whether a link in the last place is followed; ``make`` creates the missing
    directories before it. Raises Failure: path_outside (``detail.resolved``: where it led),
    file_missing (a directory on the way is not there), denied, invalid_input.
    """
    todo = components(path)
    outside: list[str] | None = [] if path[0] == "/" else None
    done: list[str] = []
    fd = root.fd
    links = 0
    try:
        while True:
            if outside is not None:
                if outside in root.entries:
                    outside = None
                elif not todo:
                    raise _leads_out(path, outside)
                else:
                    _climb(outside, todo.pop())
                continue
            if not todo:
                if not done:
                    return Place(root.fd, "", [], False)
                # A link led to the directory we are in: name it from the directory before.
                todo, done = done[::-1], []
                fd = _back(root, fd)
            name = todo.pop()
            if name == "..":
                # A directory's own ".." may have moved since: walk its parents anew.
                if not done:
                    outside = list(root.names[:-1])
                todo.extend(reversed(done[:-1]))
                done = []
                fd = _back(root, fd)
                continue
            target = None
            if todo:
                try:
                    step = os.open(name, _STEP, dir_fd=fd)
                except OSError as error:
                    target = _not_entered(error, fd, name, make, done)
                    if target is None:
                        todo.append(name)
                        continue
                else:
                    if fd != root.fd:
                        os.close(fd)
                    fd = step
                    done.append(name)
                    continue
            elif follow:
                target = _target(fd, name)
            if target is None:
                done.append(name)
                place = Place(fd, name, done, fd != root.fd)
                fd = root.fd
                return place
            links += 1
            if links > MAX_LINKS:
                raise Failure("invalid_input", "%s: too many links" % path)
            todo.extend(_split(target))
            if target[0] == "/":
                outside = []
                done = []
                fd = _back(root, fd)
    finally:
        _back(root, fd)


def _split(path: str) -> list[str]:
    names = [name for name in path.split("/") if name and name != "."]
    names.reverse()
    return names


def _climb(outside: list[str], name: str) -> None:
    if name != "..":
        outside.append(name)
    elif outside:
        outside.pop()


def _back(root: Root, fd: int) -> int:
    if fd != root.fd:
        os.close(fd)
    return root.fd


def _target(fd: int, name: str) -> str | None:
    """Where the link ``name`` points; None when it is no link or not there."""
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError as error:
        if error.errno in (EINVAL, ENOENT):
            return None
        raise from_os_error(error, name[:300]) from None


def _not_entered(error: OSError, fd: int, name: str, make: bool, done: list[str]) -> str | None:
    """What to do about a component that is no directory: follow the link it is (its target), or
    try once more, now that the directory was made (None)."""
    where = "/".join([*done, name])
    if error.errno in (ENOTDIR, ELOOP):
        target = _target(fd, name)
        if target is not None:
            return target
        raise Failure("file_missing", "%s is not a directory" % where)
    if error.errno != ENOENT:
        raise from_os_error(error, where) from None
    if not make:
        raise Failure("file_missing", "%s does not exist" % where)
    try:
        os.mkdir(name, dir_fd=fd)
    except FileExistsError:
        pass
    except OSError as problem:
        raise from_os_error(problem, where) from None
    return None


def _leads_out(path: str, outside: list[str]) -> Failure:
    resolved = "/" + "/".join(outside)
    return Failure(
        "path_outside",
        "%.300s leads out of /workspace, to %.1000s" % (path, resolved),
        detail={"resolved": resolved[:MAX_PATH]},
    )


def kind(mode: int) -> str:
    """``file``, ``dir``, ``link`` or ``other``."""
    if S_ISREG(mode):
        return "file"
    if S_ISDIR(mode):
        return "dir"
    return "link" if S_ISLNK(mode) else "other"


def open_file(root: Root, path: str) -> tuple[int, os.stat_result, Place]:
    """A descriptor to read the regular file ``path`` with, its state, and its place (closed; only
    the names are of use). Never blocks: pipes, sockets and devices are refused before opening."""
    for _ in range(MAX_LINKS):
        with locate(root, path) as place:
            info = place.stat()
            if info is None:
                raise place.missing()
            require_file(info, place.path)
            opened = open_entry(place.folder, place.name, place.path)
            if opened is not None:
                return opened[0], opened[1], place
    raise Failure("conflict", "%s is being replaced over and over" % path)


def require_file(info: os.stat_result, path: str) -> None:
    if not S_ISREG(info.st_mode):
        if S_ISDIR(info.st_mode):
            raise Failure("invalid_input", "%s is a directory" % path, "List it with fs_list.")
        raise Failure("invalid_input", "%s is not a regular file" % path)


def open_entry(folder: int, name: str, path: str) -> tuple[int, os.stat_result] | None:
    """Opens the regular file ``name`` to read; None when a link or another file is there now."""
    try:
        fd = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno == ELOOP:
            return None
        raise from_os_error(error, path) from None
    info = os.fstat(fd)
    if S_ISREG(info.st_mode):
        return fd, info
    os.close(fd)
    return None


def open_folder(fd: int, parts: list[str]) -> int:
    """A descriptor to list the directory ``parts`` beneath the directory ``fd``, following no
    link at all. Raises OSError."""
    if not parts:
        return os.open(".", _FOLDER, dir_fd=fd)
    at = fd
    try:
        for name in parts[:-1]:
            step = os.open(name, _STEP, dir_fd=at)
            if at != fd:
                os.close(at)
            at = step
        return os.open(parts[-1], _FOLDER, dir_fd=at)
    finally:
        if at != fd:
            os.close(at)


def describe(path: str, info: os.stat_result, target: str | None = None) -> dict[str, Any]:
    """A file as the protocol describes it."""
    found = {
        "path": path,
        "type": kind(info.st_mode),
        "size": info.st_size,
        "mtime": info.st_mtime,
        "mode": info.st_mode & 0o7777,
    }
    if target is not None:
        found["target"] = target
    return found
