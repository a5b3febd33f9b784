"""Searching the text of files by a regular expression.

The walk decides which files, an engine (ripgrep, or Python in a child process) tells the numbers
of matching lines, and the text is read here: both engines can only give the same answer.
"""

from __future__ import annotations

import os
from time import monotonic

from .args import REQUIRED, bounded, take
from .failure import Failure, from_os_error
from .glob import Glob, start_of, within
from .paths import Root
from .pattern import translate
from .results import Answer
from .walk import Pace, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any

    from .context import Context

DEADLINE = 60.0
"""Seconds for the search itself."""
MOST_PATHS = 200000
"""Files that one search looks into."""
_PIECE = 256 * 1024
_GREP = {
    "pattern": (str, REQUIRED),
    "path": (str, "."),
    "mode": (str, REQUIRED),
    "include": (str, None),
    "ignore_case": (bool, False),
    "fixed": (bool, False),
    "multiline": (bool, False),
    "before": (int, 0),
    "after": (int, 0),
    "limit": (int, 200),
    "ignored": (bool, False),
    "hidden": (bool, False),
    "width": (int, 500),
}


class Search:
    """What is looked for, where, and what was found so far: ``found`` maps the index of a path
    to its matching lines (content) or to ``[how many]``."""

    def __init__(self, mode: str, multiline: bool, limit: int) -> None:
        self.mode = mode
        self.multiline = multiline
        self.limit = limit
        self.paths: list[str] = []
        self.found: dict[int, list[int]] = {}
        self.full = False
        """More than ``limit`` was found: the engine may stop."""
        self.deadline = monotonic() + DEADLINE
        self.pace = Pace()
        self._count = 0

    def add(self, index: int, number: int) -> bool:
        """Take a matching line (content), or a number of them; False when nothing more is
        wanted. Lines of one file come in order; one may come twice."""
        lines = self.found.get(index)
        if lines is None:
            if self._count >= self.limit:
                self.full = True
                return False
            lines = self.found[index] = []
            if self.mode != "content":
                self._count += 1
        if self.mode == "content":
            if lines and number <= lines[-1]:
                return True
            if self._count >= self.limit:
                self.full = True
                return False
            self._count += 1
            lines.append(number)
        else:
            lines[:] = [number]
        return True

    def paths_seen(self, indices: Iterable[int]) -> bool:
        return any(index in self.found for index in indices)

    def too_slow(self) -> Failure:
        return Failure(
            "deadline_exceeded",
            "The search took longer than %d s." % DEADLINE,
            "Narrow it by path or include, or use a simpler pattern.",
        )


def handle(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    a = take(args, {**_GREP, "mode": (str, "files")})
    if a["mode"] not in ("files", "content", "count"):
        raise Failure("invalid_input", "mode must be files, content or count")
    for key, most in (("before", 1000), ("after", 1000), ("width", 100000)):
        bounded(key, a[key], 0, most)
    bounded("limit", a["limit"], 1, 1 << 30)
    if not a["pattern"]:
        raise Failure("invalid_input", "the pattern is empty")
    search = Search(a["mode"], a["multiline"], min(a["limit"], 100000))
    sources = {rust: _source(a, rust) for rust in (False, True)}
    compiled(sources[False])
    with Root(ctx.root) as root:
        cut = yield from _collect(root, a, search)
        yield from _run(ctx, root, search, sources)
        truncated = search.full or cut
        if a["mode"] == "content":
            answer = yield from _texts(root, search, a)
            result = {"matches": answer.items}
        else:
            answer = Answer(a["limit"])
            for index in sorted(search.found):
                path = search.paths[index]
                value = {"path": path, "count": search.found[index][0]}
                if not answer.add(path if a["mode"] == "files" else value):
                    break
            result = {"files" if a["mode"] == "files" else "counts": answer.items}
    return {**result, "truncated": truncated or answer.truncated}, b""


def _source(a: dict[str, Any], rust: bool) -> str:
    return translate(
        a["pattern"],
        fixed=a["fixed"],
        multiline=a["multiline"],
        rust=rust,
        fold=a["ignore_case"],
    )


def compiled(source: str) -> None:
    """Raises Failure(invalid_input) when Python cannot take it."""
    import re

    try:
        re.compile(source, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise Failure("invalid_input", "wrong pattern: %s" % error) from None


def _collect(root: Root, a: dict[str, Any], search: Search) -> Generator[Any, Any, bool]:
    """Fills ``search.paths``: the newest first for files, else by path. Whether some were left."""
    include, top = within(a["include"]) if a["include"] is not None else ("", False)
    guide = None
    if include:
        anywhere = "/" not in include and not top
        guide = Glob("**/" + include if anywhere else include, a["hidden"])
    place = start_of(root, "." if top else a["path"])
    newest = a["mode"] == "files"
    times: list[tuple[float, str]] = []
    walk = Walk(
        root,
        place.parts,
        hidden=a["hidden"] or guide is not None,
        ignored=a["ignored"],
        stat=newest,
        guide=guide,
    )
    try:
        for found in walk:
            if found is None:
                yield None
            elif found.kind == "file":
                if len(search.paths) + len(times) >= MOST_PATHS:
                    return True
                if newest and found.info is not None:
                    times.append((-found.info.st_mtime, found.path))
                else:
                    search.paths.append(found.path)
    except NotADirectoryError:
        search.paths = ["/".join(place.parts)]
        return False
    except OSError as error:
        raise from_os_error(error, place.path) from None
    finally:
        if times:
            times.sort()
            search.paths = [path for _, path in times]
    return False


def _run(
    ctx: Context, root: Root, search: Search, sources: dict[bool, str]
) -> Generator[Any, Any, None]:
    from . import ripgrep

    if not search.paths:
        return
    # Where a match may end within a line, ripgrep takes the rest of it for a line of its own: `^`
    # then matches there. Such searches are ours alone, so that the answer is one.
    rg = None if search.multiline else ripgrep.find(ctx.agent.environ)
    if rg is not None:
        try:
            yield from ripgrep.search(ctx, rg, root.fd, search, sources[True])
            return
        except ripgrep.Unfit:
            search.found.clear()
    yield from _python(ctx, root, search, sources[False])


def _python(ctx: Context, root: Root, search: Search, source: str) -> Generator[Any, Any, None]:
    ours, theirs = os.pipe()
    ended: list[int] = []
    pid = 0
    try:
        pid = os.fork()
        if pid == 0:
            _child(theirs, root.fd, search, source)
        ctx.agent.children.wait(pid, ended.append)
        os.close(theirs)
        theirs = -1
        os.set_blocking(ours, False)
        yield from _receive(ctx, ours, search)
    except OSError as error:
        raise from_os_error(error, "the search") from None
    finally:
        if pid and not ended:
            os.kill(pid, 9)
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def _child(out: int, root: int, search: Search, source: str) -> None:
    """Never returns. Nothing of the agent is touched: its descriptors are closed first."""
    from .cores import signal

    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # Should the agent die first, this ends by itself.
        signal.alarm(int(DEADLINE) + 5)
        low, high = sorted((out, root))
        os.closerange(3, low)
        os.closerange(low + 1, high)
        os.closerange(high + 1, 65536)
        from .lookup import serve

        most = search.limit + 1
        serve(out, root, search.paths, source, search.mode, most, search.multiline)
    finally:
        os._exit(0)


def _receive(ctx: Context, fd: int, search: Search) -> Generator[Any, Any, None]:
    buffer = b""
    while not search.full:
        left = search.deadline - monotonic()
        if left <= 0 or not (yield ctx.wait_fd(fd, left)):
            raise search.too_slow()
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if not data:
            return
        pieces = (buffer + data).split(b"\n")
        buffer = pieces.pop()
        for piece in pieces:
            index, _, number = piece.partition(b" ")
            if not search.add(int(index), int(number)):
                return


def _texts(root: Root, search: Search, a: dict[str, Any]) -> Generator[Any, Any, Answer]:
    from .lookup import Opener

    answer = Answer(1 << 30)
    opener = Opener(root.fd, False)
    for index in sorted(search.found):
        path = search.paths[index]
        matched = set(search.found[index])
        wanted = set(matched)
        for number in matched:
            wanted.update(range(max(1, number - a["before"]), number + a["after"] + 1))
        fd = opener.open(path)
        opener.close()
        if fd < 0:
            continue
        try:
            for line in pick(fd, sorted(wanted), a["width"]):
                if line is None:
                    if search.pace.due():
                        yield None
                        search.pace.rest()
                    continue
                number, text = line
                value = {"path": path, "line": number, "text": text}
                value["context"] = number not in matched
                if not answer.add(value):
                    return answer
        except OSError:
            continue  # it went away meanwhile
        finally:
            os.close(fd)
    return answer


def pick(fd: int, numbers: list[int], width: int) -> Generator[tuple[int, str] | None, None, None]:
    """The lines ``numbers`` (ascending) of a file, cut to ``width`` characters and without their
    ends; None now and then, where others can have a turn. What is past the end is left out."""
    offset = 0
    at = 0
    line = 1
    data = b""
    for number in numbers:
        kept = bytearray()
        while True:
            if at >= len(data):
                data = os.pread(fd, _PIECE, offset)
                offset += len(data)
                at = 0
                if not data:
                    if kept:
                        yield number, _text(kept, width)
                    return
                yield None
            if line < number:
                ends = data.count(b"\n", at)
                if line + ends < number:
                    line += ends
                    at = len(data)
                    continue
                for _ in range(number - line):
                    at = data.index(b"\n", at) + 1
                line = number
                continue
            stop = data.find(b"\n", at)
            end = len(data) if stop < 0 else stop + 1
            kept += data[at : min(end, at + max(0, 4 * width + 2 - len(kept)))]
            at = end
            if stop >= 0:
                line += 1
                break
        yield number, _text(kept, width)


def _text(line: bytearray, width: int) -> str:
    text = bytes(line).decode("utf-8", "replace")
    if text.endswith("\n"):
        text = text[:-1]
    if text.endswith("\r"):
        text = text[:-1]
    return text[:width]
