"""A walk through the workspace that follows no link, lets others work, and holds one directory
open at a time. Everything comes out sorted by path."""

from __future__ import annotations

import os
from time import monotonic

from .ignore import scope_of, spelled
from .paths import Root, kind, open_folder
from .replace import is_temporary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Protocol

    from .ignore import Scope

    class Guide(Protocol):
        """Leads a walk to what a pattern can match."""

        start: Any

        def enter(self, state: Any, name: str) -> Any:
            """The state inside the directory ``name``; something false when nothing is there."""

        def accepts(self, state: Any, name: str) -> bool:
            """Whether the file ``name`` is wanted."""


TURN = 0.005
"""Seconds of work between two turns for others."""


class Found:
    """One thing on the way. ``info`` (of itself) and ``target`` are there when asked for."""

    __slots__ = ("info", "kind", "path", "target")

    def __init__(self, path: str, kind: str, info: os.stat_result | None, target: str | None):
        self.path = path
        self.kind = kind
        self.info = info
        self.target = target


class Pace:
    """Tells when it is time to let others have a turn."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = monotonic() + TURN

    def due(self) -> bool:
        if monotonic() < self._next:
            return False
        self._next = monotonic() + TURN
        return True

    def rest(self) -> None:
        """Others had their turn."""
        self._next = monotonic() + TURN


class Walk:
    """Iterate over it: each Found, and None where the caller should yield to others.

    ``hidden`` takes names with a dot, ``ignored`` what git ignores and ``.git``; ``depth`` bounds
    the levels and ``most`` the entries looked at in one directory; ``stat`` fills ``info`` and
    ``target``. A directory that cannot be listed is passed over, unless ``strict``.
    """

    def __init__(
        self,
        root: Root,
        start: list[str],
        *,
        hidden: bool = True,
        ignored: bool = True,
        depth: int = 1 << 30,
        most: int = 0,
        stat: bool = False,
        strict: bool = False,
        guide: Guide | None = None,
    ) -> None:
        self._root = root
        self._start = start
        self._hidden = hidden
        self._ignored = ignored
        self._depth = depth
        self._most = most
        self._stat = stat
        self._strict = strict
        self._guide = guide
        self._pace = Pace()

    def __iter__(self) -> Iterator[Found | None]:
        scope = None if self._ignored else scope_at(self._root, self._start)
        state = self._guide.start if self._guide is not None else None
        start = "/".join(self._start)
        # Each level: what is left of it (last first), and the scope and state inside it.
        items: list[tuple[str, str, Found]] = []
        yield from self._list(start, scope, state, items)
        levels = [(items, scope, state)]
        while levels:
            items, scope, state = levels[-1]
            if not items:
                levels.pop()
                continue
            key, name, found = items.pop()
            if key == name:
                yield found
                continue
            inner = state if self._guide is None else self._guide.enter(state, name)
            below: list[tuple[str, str, Found]] = []
            try:
                within = scope
                if not self._ignored:
                    within = self._scope(found.path, scope)
                yield from self._list(found.path, within, inner, below)
            except OSError:
                if self._strict:
                    raise
                continue
            levels.append((below, within, inner))
            if self._pace.due():
                yield None
                self._pace.rest()

    def _scope(self, path: str, above: Scope | None) -> Scope | None:
        fd = open_folder(self._root.fd, path.split("/"))
        try:
            return scope_of(fd, spelled(path), above)
        finally:
            os.close(fd)

    def _list(
        self, path: str, scope: Scope | None, state: Any, items: list[tuple[str, str, Found]]
    ) -> Iterator[None]:
        """Fills ``items`` with the directory's entries, last first. A directory is in it twice:
        as itself, and under its name with a slash to be entered, which sorts by whole paths."""
        prefix = path + "/" if path else ""
        guide = self._guide
        descend = path.count("/") + bool(path) - len(self._start) + 1 < self._depth
        fd = open_folder(self._root.fd, path.split("/") if path else [])
        try:
            with os.scandir(fd) as entries:
                for number, entry in enumerate(entries):
                    if number & 63 == 63 and self._pace.due():
                        yield None
                        self._pace.rest()
                    name = entry.name
                    if name[0] == ".":
                        if not self._hidden or is_temporary(name):
                            continue
                        if name == ".git" and not self._ignored:
                            continue
                    folder = entry.is_dir(follow_symlinks=False)
                    full = prefix + name
                    if scope is not None and scope.ignores(spelled(full), spelled(name), folder):
                        continue
                    if folder:
                        what = "dir"
                    elif entry.is_file(follow_symlinks=False):
                        what = "file"
                    else:
                        what = "link" if entry.is_symlink() else "other"
                    found = Found(full, what, None, None)
                    if guide is None or (not folder and guide.accepts(state, name)):
                        items.append((name, name, found))
                    if folder and descend and (guide is None or guide.enter(state, name)):
                        items.append((name + "/", name, found))
                    if self._most and len(items) > 8 * self._most:
                        items.sort(key=_key)
                        del items[2 * self._most :]
            items.sort(key=_key, reverse=True)
            if self._most:
                del items[: -2 * self._most]
            if self._stat:
                yield from self._look(fd, items)
        finally:
            os.close(fd)

    def _look(self, fd: int, items: list[tuple[str, str, Found]]) -> Iterator[None]:
        gone = False
        for number, (key, name, found) in enumerate(items):
            if key == name:
                try:
                    found.info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    found.kind = kind(found.info.st_mode)
                    if found.kind == "link":
                        found.target = os.readlink(name, dir_fd=fd)
                except OSError:
                    found.info = None
                    gone = True
            if number & 63 == 63 and self._pace.due():
                yield None
                self._pace.rest()
        if gone:
            items[:] = [item for item in items if item[0] != item[1] or item[2].info]


def _key(item: tuple[str, str, Found]) -> str:
    return item[0]


def scope_at(root: Root, parts: list[str]) -> Scope | None:
    """The rules that hold in the directory ``parts``."""
    scope: Scope | None = None
    for count in range(len(parts) + 1):
        fd = open_folder(root.fd, parts[:count])
        try:
            scope = scope_of(fd, spelled("/".join(parts[:count])), scope)
        finally:
            os.close(fd)
    return scope
