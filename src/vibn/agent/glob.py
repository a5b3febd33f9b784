"""Finding files by a pattern, newest first."""

from __future__ import annotations

import os
import re
from heapq import heappush, heappushpop

from .args import REQUIRED, bounded, take
from .failure import Failure, from_os_error
from .paths import Place, Root, locate, open_file
from .results import Answer
from .walk import Walk
from .wildcard import braces, expression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context

    States = frozenset[tuple[int, int]]

MOST = 10000
"""No more files are listed than this, whatever the limit."""
MAX_PATTERN = 1000
_GLOB = {
    "pattern": (str, REQUIRED),
    "path": (str, "."),
    "limit": (int, 1000),
    "ignored": (bool, False),
    "hidden": (bool, False),
}


class Glob:
    """A pattern as a guide for a walk: it knows which directories can hold a match.

    Names that begin with a dot are matched by a component that begins with one, or when
    ``hidden``. Raises Failure(invalid_input) for a pattern that can match nothing.
    """

    def __init__(self, pattern: str, hidden: bool) -> None:
        if not pattern or len(pattern) > MAX_PATTERN:
            raise Failure("invalid_input", "a pattern has 1 to %d characters" % MAX_PATTERN)
        self._hidden = hidden
        self._ways = [_components(way) for way in braces(pattern)]
        self.start: States = frozenset(self._closed((way, 0) for way in range(len(self._ways))))

    def _closed(self, states: Any) -> list[tuple[int, int]]:
        out = []
        for way, at in states:
            parts = self._ways[way]
            out.append((way, at))
            while at < len(parts) and parts[at] is None:
                at += 1
                out.append((way, at))
        return out

    def _matches(self, part: tuple[re.Pattern[str], bool], name: str) -> bool:
        if name[0] == "." and not part[1] and not self._hidden:
            return False
        return part[0].match(name) is not None

    def enter(self, state: States, name: str) -> States:
        after = []
        for way, at in state:
            parts = self._ways[way]
            if at >= len(parts):
                continue
            part = parts[at]
            if part is None:
                if self._hidden or name[0] != ".":
                    after.append((way, at))
            elif at + 1 < len(parts) and self._matches(part, name):
                after.append((way, at + 1))
        return frozenset(self._closed(after))

    def accepts(self, state: States, name: str) -> bool:
        for way, at in state:
            parts = self._ways[way]
            if at + 1 != len(parts):
                continue
            part = parts[at]
            if part is None:
                if self._hidden or name[0] != ".":
                    return True
            elif self._matches(part, name):
                return True
        return False


def _components(pattern: str) -> list[tuple[re.Pattern[str], bool] | None]:
    """Each component's expression and whether it names a dot first; None for ``**``."""
    parts: list[tuple[re.Pattern[str], bool] | None] = []
    for name in pattern.split("/"):
        if name in ("", "."):
            continue
        if name == "..":
            raise Failure("invalid_input", "a pattern must not hold '..'", "Use path instead.")
        if name == "**":
            if not parts or parts[-1] is not None:
                parts.append(None)
            continue
        source = expression(name, -1)
        if source is None:
            raise Failure("invalid_input", "%s: a bracket or a backslash is not closed" % pattern)
        dot = name[0] == "." or name[:2] == "\\."
        parts.append((re.compile("(?:" + source + ")\\Z", re.DOTALL), dot))
    if not parts:
        raise Failure("invalid_input", "the pattern names no file")
    return parts


def within(pattern: str) -> tuple[str, bool]:
    """The pattern relative to a directory, and whether that is the workspace itself: a pattern
    may be absolute. Raises Failure(path_outside)."""
    if pattern[:1] != "/":
        return pattern, False
    if pattern[:11] == "/workspace/":
        return pattern[11:], True
    raise Failure(
        "path_outside",
        "%.300s leads out of /workspace" % pattern,
        detail={"resolved": pattern[:4096]},
    )


def start_of(root: Root, path: str) -> Place:
    """The existing file or directory where a search begins, a link followed (the place comes
    closed: use its names)."""
    with locate(root, path) as place:
        if place.stat() is None:
            raise place.missing()
        return place


def handle(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    a = take(args, _GLOB)
    bounded("limit", a["limit"], 1, 1 << 30)
    limit = min(a["limit"], MOST)
    pattern, top = within(a["pattern"])
    glob = Glob(pattern, a["hidden"])
    newest: list[tuple[float, _Later, int]] = []
    total = 0
    with Root(ctx.root) as root:
        place = start_of(root, "." if top else a["path"])
        walk = Walk(root, place.parts, hidden=True, ignored=a["ignored"], stat=True, guide=glob)
        try:
            for found in walk:
                if found is None:
                    yield None
                    continue
                info = found.info
                if found.kind == "link":
                    info = _behind(root, found.path)
                if info is None or found.kind == "other":
                    continue
                total += 1
                entry = (info.st_mtime, _Later(found.path), info.st_size)
                if len(newest) < limit:
                    heappush(newest, entry)
                else:
                    heappushpop(newest, entry)
        except NotADirectoryError:
            raise Failure("invalid_input", "%s is not a directory" % place.path) from None
        except OSError as error:
            raise from_os_error(error, place.path) from None
    answer = Answer(limit)
    newest.sort(reverse=True)
    for mtime, name, size in newest:
        if not answer.add({"path": name.path, "size": size, "mtime": mtime}):
            break
    count = len(answer.items)
    return {"files": answer.items, "truncated": count < total, "total": total}, b""


class _Later:
    """A path that sorts against the order, so that of equally old files the first one wins."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __lt__(self, other: _Later) -> bool:
        return self.path > other.path


def _behind(root: Root, path: str) -> os.stat_result | None:
    """The state of the file that a link leads to; None when that is none, or outside."""
    try:
        fd, info, _ = open_file(root, path)
    except Failure:
        return None
    os.close(fd)
    return info
