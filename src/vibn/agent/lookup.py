"""Regular expressions over files in a process of its own: the way to search without ripgrep.

Python's expressions can take time without end; a child can be killed, and meanwhile the agent
serves others.
"""

from __future__ import annotations

import os
import re
from stat import S_ISREG

from .failure import Failure
from .lines import SNIFF
from .paths import open_entry, open_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20
MAX_LINE = 8 << 20
"""Bytes of one line that are looked at."""
MAX_WHOLE = 64 << 20
"""Bytes of a file that is searched across lines; larger ones are passed over."""


def serve(
    out: int, root: int, paths: list[str], source: str, mode: str, most: int, multiline: bool
) -> None:
    """Writes ``index number`` lines to ``out``: for each matching file of ``paths`` its first
    matching line (files), how many match (count), or each of them (content)."""
    pattern = re.compile(source, re.MULTILINE)
    opener = Opener(root, multiline)
    for index, path in enumerate(paths):
        fd = opener.open(path)
        if fd < 0:
            continue
        try:
            numbers = whole(fd, pattern) if multiline else by_line(fd, pattern)
            if mode == "count":
                count = sum(1 for _ in numbers)
                if count:
                    _say(out, index, [count])
                continue
            wanted = 1 if mode == "files" else most
            found: list[int] = []
            for number in numbers:
                found.append(number)
                wanted -= 1
                if wanted == 0:
                    break
                if len(found) == 1000:
                    _say(out, index, found)
                    found = []
            _say(out, index, found)
        except OSError:
            continue
        finally:
            os.close(fd)


def _say(out: int, index: int, numbers: list[int]) -> None:
    data = "".join("%d %d\n" % (index, number) for number in numbers).encode()
    while data:
        data = data[os.write(out, data) :]


class Opener:
    """Opens one text file after the other; files of one directory cost one walk to it."""

    def __init__(self, root: int, multiline: bool) -> None:
        self._root = root
        self._multiline = multiline
        self._above: str | None = None
        self._folder = -1

    def open(self, path: str) -> int:
        """A descriptor of a text file that can be searched, or -1."""
        above, _, name = path.rpartition("/")
        try:
            if above != self._above:
                self.close()
                self._folder = open_folder(self._root, above.split("/") if above else [])
                self._above = above
            info = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
            if not S_ISREG(info.st_mode) or info.st_size == 0:
                return -1
            if self._multiline and info.st_size > MAX_WHOLE:
                return -1
            opened = open_entry(self._folder, name, path)
        except (OSError, Failure):
            return -1
        if opened is None:
            return -1
        try:
            if b"\0" not in os.pread(opened[0], SNIFF, 0):
                return opened[0]
        except OSError:
            pass
        os.close(opened[0])
        return -1

    def close(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
        self._folder = -1
        self._above = None


def by_line(fd: int, pattern: re.Pattern[str]) -> Iterator[int]:
    """The numbers of the lines in which ``pattern`` (which never matches a line's end) occurs."""
    line = 1
    offset = 0
    rest = b""
    while True:
        data = os.pread(fd, PIECE, offset)
        offset += len(data)
        stop = data.rfind(b"\n") + 1
        if data and not stop:
            # Of a line without end only so much is looked at.
            rest += data[: max(0, MAX_LINE - len(rest))]
            continue
        block = rest + data[:stop]
        rest = data[stop:]
        if block:
            text = block.decode("utf-8", "surrogateescape")
            ended = text[-1] == "\n"
            if ended:
                text = text[:-1]
            yield from _in_block(text, pattern, line)
            line += text.count("\n") + ended
        if not data:
            return


def _in_block(text: str, pattern: re.Pattern[str], line: int) -> Iterator[int]:
    at = counted = 0
    while True:
        match = pattern.search(text, at)
        if match is None:
            return
        start = match.start()
        line += text.count("\n", counted, start)
        counted = start
        yield line
        at = text.find("\n", start) + 1
        if at == 0:
            return


def whole(fd: int, pattern: re.Pattern[str]) -> Iterator[int]:
    """The numbers of the lines that a match covers, matches going across lines."""
    pieces = []
    size = 0
    while size <= MAX_WHOLE:
        piece = os.pread(fd, PIECE, size)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    text = b"".join(pieces).decode("utf-8", "surrogateescape")
    del pieces
    at = counted = 0
    line = 1
    last = 0
    while True:
        match = pattern.search(text, at)
        if match is None:
            return
        start, end = match.span()
        if start == end == len(text) and text[-1:] == "\n":
            return
        line += text.count("\n", counted, start)
        counted = start
        final = line + text.count("\n", start, max(start, end - 1))
        yield from range(max(line, last + 1), final + 1)
        last = max(last, final)
        at = end if end > start else end + 1
        if at > len(text):
            return
