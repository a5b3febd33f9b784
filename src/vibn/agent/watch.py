"""Telling what changes in the workspace, as it changes."""

from __future__ import annotations

import json
import os
from errno import ENOMEM, ENOSPC
from time import monotonic

from . import inotify
from .args import NUMBER, bounded, take
from .failure import Failure, from_os_error
from .ignore import scope_of, spelled
from .inotify import Inotify
from .paths import Root, locate, open_folder
from .replace import is_temporary
from .walk import Pace, scope_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from .context import Context
    from .ignore import Scope

MAX_FOLDERS = 8192
"""Directories watched at once; that there are more is told as an overflow."""
MAX_NAMES = 100000
"""File names remembered, to tell a replaced file (changed) from a new one (created)."""
MAX_PENDING = 2000
"""Changes held back; more become an overflow."""
PIECE = 32 * 1024
_WATCH: Mapping[str, tuple[type | tuple[type, ...], object]] = {
    "path": (str, "."),
    "recursive": (bool, True),
    "ignored": (bool, False),
    "debounce": (NUMBER, 0.05),
}


class Folder:
    """A watched directory: its path with a slash at the end (empty for the workspace)."""

    __slots__ = ("names", "parts", "prefix", "scope", "watch")

    def __init__(self, watch: int, parts: list[str], scope: Scope | None) -> None:
        self.watch = watch
        self.parts = parts
        self.prefix = "/".join(parts) + "/" if parts else ""
        self.scope = scope
        self.names: set[str] = set()


class Changes:
    """What is yet to be told: at most one kind a path."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._overflow = False
        self.since = 0.0

    def __bool__(self) -> bool:
        return bool(self._kinds) or self._overflow

    def note(self, path: str, kind: str) -> None:
        if not self:
            self.since = monotonic()
        before = self._kinds.get(path)
        if kind == "changed" and before is not None:
            return
        if before == "created" and kind == "deleted":
            del self._kinds[path]
            return
        if before == "deleted" and kind == "created":
            kind = "changed"
        self._kinds[path] = kind
        if len(self._kinds) > MAX_PENDING:
            self.overflow()

    def overflow(self) -> None:
        """Something was missed; the listener has to look for itself."""
        if not self:
            self.since = monotonic()
        self._kinds.clear()
        self._overflow = True

    def take(self) -> list[dict[str, str]]:
        out = [{"kind": "overflow"}] if self._overflow else []
        out += [{"path": path, "kind": kind} for path, kind in self._kinds.items()]
        self._kinds.clear()
        self._overflow = False
        return out


class Watcher:
    """Keeps the watches in step with the directories that are there."""

    def __init__(self, root: Root, top: list[str], recursive: bool, ignored: bool) -> None:
        self._root = root
        self._top = top
        self._recursive = recursive
        self._ignored = ignored
        self._folders: dict[int, Folder] = {}
        self._names = 0
        self._pace = Pace()
        self.inotify = Inotify()
        self.changes = Changes()
        self.gone = False
        """The directory that was asked for is no longer there."""

    def start(self) -> Generator[None, None, None]:
        """Watch what is there now. Raises OSError when the top cannot be."""
        yield from self._plant(self._top, None, tell=False)

    def _plant(
        self, parts: list[str], above: Scope | None, tell: bool
    ) -> Generator[None, None, None]:
        """Watches the directory ``parts`` and what is in it; ``tell`` notes the contents."""
        todo = [(parts, above)]
        while todo:
            parts, above = todo.pop()
            top = parts == self._top
            if len(self._folders) >= MAX_FOLDERS:
                self.changes.overflow()
                return
            try:
                fd = open_folder(self._root.fd, parts)
            except OSError:
                if top:
                    raise
                continue  # gone again, or not ours to see
            try:
                watch = self.inotify.add(fd, top)
                if top and not self._ignored:
                    scope = scope_at(self._root, parts)
                else:
                    scope = None if self._ignored else scope_of(fd, _spelled(parts), above)
                folder = Folder(watch, parts, scope)
                self._forget(watch)
                self._folders[watch] = folder
                inner = self._look(fd, folder, tell)
                todo.extend(([*parts, name], scope) for name in inner)
            except OSError as error:
                if top:
                    raise
                if error.errno in (ENOSPC, ENOMEM):
                    self.changes.overflow()
                    return
            finally:
                os.close(fd)
            if self._pace.due():
                yield None
                self._pace.rest()

    def _look(self, fd: int, folder: Folder, tell: bool) -> list[str]:
        """Notes the directory's files; the names of the directories to be watched in it."""
        inner = []
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if not self._wanted(folder, name, is_folder):
                    continue
                if tell:
                    self.changes.note(folder.prefix + name, "created")
                if not is_folder:
                    self._know(folder, name)
                elif self._recursive:
                    inner.append(name)
        return inner

    def _know(self, folder: Folder, name: str) -> bool:
        """Remembers the name; whether it was known."""
        if name in folder.names:
            return True
        if self._names < MAX_NAMES:
            folder.names.add(name)
            self._names += 1
        return False

    def _forget(self, watch: int) -> None:
        folder = self._folders.pop(watch, None)
        if folder is not None:
            self._names -= len(folder.names)

    def _wanted(self, folder: Folder, name: str, is_folder: bool) -> bool:
        if is_temporary(name):
            return False
        if self._ignored:
            return True
        if name == ".git":
            return False
        scope = folder.scope
        path = folder.prefix + name
        return scope is None or not scope.ignores(spelled(path), spelled(name), is_folder)

    def take(self) -> Generator[None, None, None]:
        """Reads the events that are there and notes what they mean."""
        stale = False
        for watch, mask, name in self.inotify.read():
            if mask & inotify.OVERFLOW:
                self.changes.overflow()
                stale = True
                continue
            folder = self._folders.get(watch)
            if folder is None:
                continue
            if mask & (inotify.DELETE_SELF | inotify.MOVE_SELF) and folder.parts == self._top:
                self.gone = True
            if mask & inotify.IGNORED:
                self._forget(watch)
            elif name:
                stale = stale or (name == ".gitignore" and not self._ignored)
                yield from self._event(folder, mask, name)
        if stale and not self.gone:
            # Rules changed, or events were lost: look at everything again.
            before = dict(self._folders)
            yield from self.start()
            for watch, folder in before.items():
                # A watch that was set again has a new Folder by now.
                if self._folders.get(watch) is folder:
                    self.inotify.remove(watch)
                    self._forget(watch)

    def _event(self, folder: Folder, mask: int, name: str) -> Generator[None, None, None]:
        is_folder = bool(mask & inotify.FOLDER)
        if not self._wanted(folder, name, is_folder):
            return
        path = folder.prefix + name
        if mask & (inotify.DELETE | inotify.MOVED_FROM):
            if is_folder:
                self._drop(path + "/")
            elif name in folder.names:
                folder.names.discard(name)
                self._names -= 1
            self.changes.note(path, "deleted")
        elif mask & (inotify.CREATE | inotify.MOVED_TO):
            if is_folder:
                self.changes.note(path, "created")
                if self._recursive:
                    yield from self._plant([*folder.parts, name], folder.scope, tell=True)
            else:
                known = self._know(folder, name)
                self.changes.note(path, "changed" if known else "created")
        elif not is_folder:
            self._know(folder, name)
            self.changes.note(path, "changed")

    def _drop(self, prefix: str) -> None:
        """The directory went away, perhaps to another place: its watches end."""
        for watch, folder in list(self._folders.items()):
            if folder.prefix.startswith(prefix):
                self.inotify.remove(watch)
                self._forget(watch)


def _spelled(parts: list[str]) -> str:
    return spelled("/".join(parts))


def handle(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    """The first frame, an empty list, says that the watch is in place."""
    a = take(args, _WATCH)
    bounded("debounce", a["debounce"], 0, 10)
    with Root(ctx.root) as root:
        with locate(root, a["path"]) as place:
            if place.stat() is None:
                raise place.missing()
        watcher = Watcher(root, place.parts, a["recursive"], a["ignored"])
        try:
            try:
                yield from watcher.start()
            except NotADirectoryError:
                raise Failure("invalid_input", "%s is not a directory" % place.path) from None
            except OSError as error:
                if error.errno == ENOSPC:
                    raise Failure(
                        "limit_reached", "The kernel allows no more watches of files."
                    ) from None
                raise from_os_error(error, place.path) from None
            yield from _tell(ctx, [])
            yield from _follow(ctx, watcher, a["debounce"])
        finally:
            watcher.inotify.close()
    raise Failure("file_missing", "%s was moved or deleted" % place.path)


def _follow(ctx: Context, watcher: Watcher, debounce: float) -> Generator[Any, Any, None]:
    changes = watcher.changes
    while True:
        left = None
        if changes:
            left = changes.since + debounce - monotonic()
        wait = ctx.wait_fd(watcher.inotify.fd, left)
        if (left is None or left > 0) and (yield wait):
            try:
                yield from watcher.take()
            except OSError:
                watcher.gone = True
        if changes and (watcher.gone or monotonic() >= changes.since + debounce):
            yield from _tell(ctx, changes.take())
        if watcher.gone:
            return


def _tell(ctx: Context, found: list[dict[str, str]]) -> Generator[Any, Any, None]:
    """Sends the list, in pieces that fit the stream's credit."""
    pieces: list[list[str]] = [[]]
    size = 0
    for one in found:
        text = json.dumps(one)
        if size + len(text) > PIECE:
            pieces.append([])
            size = 0
        pieces[-1].append(text)
        size += len(text) + 1
    for piece in pieces:
        body = ("[" + ",".join(piece) + "]").encode()
        while not ctx.send("ev", body):
            yield ctx.WRITABLE
