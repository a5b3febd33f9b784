"""Numbered lines of a text file, read in pieces: neither a huge file nor a huge line is held."""

from __future__ import annotations

import codecs
import os

from .args import REQUIRED, bounded, take
from .failure import Failure, from_os_error
from .frames import MAX_BODY
from .paths import Root, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context

SNIFF = 8192
"""A NUL within the first so many bytes means: not text."""
COUNTED = 16 << 20
"""Files up to this size are read to the end: all lines counted, all text checked."""
_PIECE = 256 * 1024
_LINES = {
    "path": (str, REQUIRED),
    "start": (int, 1),
    "count": (int, 2000),
    "max": (int, 262144),
    "width": (int, 2000),
}


class Window:
    """Takes a file's pieces in order and keeps the lines ``start`` to ``start + count - 1``:
    at most ``most`` bytes, each line at most ``width`` characters."""

    def __init__(self, start: int, count: int, most: int, width: int) -> None:
        self.start = start
        self.last = start + count - 1
        self.text = bytearray()
        self.cut: list[int] = []
        self.end = start - 1
        """The number of the last line that was kept."""
        self.full = False
        self._line = 1
        self._most = most
        self._width = width
        self._piece = bytearray()
        self._dropped = False
        self._partial = False

    @property
    def total(self) -> int:
        """How many lines were seen so far."""
        return self._line - 1 + (1 if self._partial else 0)

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.full or self._line > self.last or self._line < self.start:
                at = self._skip(data, at)
                continue
            if not self._piece and not self._dropped:
                taken = self._take_whole(data, at)
                if taken > at:
                    at = taken
                    continue
            newline = data.find(b"\n", at)
            stop = len(data) if newline < 0 else newline + 1
            self._keep(data, at, stop)
            at = stop
            self._partial = newline < 0
            if newline >= 0:
                self._flush()
                self._line += 1

    def _take_whole(self, data: bytes, at: int) -> int:
        """Keeps many short lines at once, where they all fit; where it got to."""
        stop = data.rfind(b"\n", at, at + self._most - len(self.text)) + 1
        lines = data[at:stop].split(b"\n") if stop > at else []
        count = len(lines) - 1
        if count <= 0 or self._line + count - 1 > self.last:
            return at
        if max(map(len, lines)) > self._width:
            return at
        self.text += data[at:stop]
        self._line += count
        self.end = self._line - 1
        self._partial = False
        return stop

    def _skip(self, data: bytes, at: int) -> int:
        wanted = self.start - self._line
        if self.full or wanted <= 0 or wanted > data.count(b"\n", at):
            self._line += data.count(b"\n", at)
            self._partial = not data.endswith(b"\n")
            return len(data)
        for _ in range(wanted):
            at = data.index(b"\n", at) + 1
        self._line = self.start
        self._partial = False
        return at

    def _keep(self, data: bytes, at: int, stop: int) -> None:
        # Four bytes are the longest character; two more for the line's end.
        room = self._width * 4 + 2 - len(self._piece)
        if stop - at > room:
            self._dropped = True
            stop = at + max(0, room)
        self._piece += data[at:stop]

    def _flush(self) -> None:
        line = self._shortened(bytes(self._piece))
        if len(self.text) + len(line) > self._most and self.text:
            self.full = True
        else:
            if len(line) > self._most:
                line = line[: self._most]
                while line and not _is_text(line):
                    line = line[:-1]
                self._note_cut()
            self.text += line
            self.end = self._line
        self._piece.clear()
        self._dropped = False

    def _shortened(self, line: bytes) -> bytes:
        if not self._dropped and len(line) <= self._width:
            return line
        body = line.rstrip(b"\r\n") if not self._dropped else line
        text = body.decode("utf-8", "ignore" if self._dropped else "surrogateescape")
        if not self._dropped and len(text) <= self._width:
            return line
        self._note_cut()
        return text[: self._width].encode("utf-8", "surrogateescape") + b"\n"

    def _note_cut(self) -> None:
        if len(self.cut) < 10000 and (not self.cut or self.cut[-1] != self._line):
            self.cut.append(self._line)

    def finish(self) -> None:
        """The file has ended."""
        if self._partial and self.start <= self._line <= self.last and not self.full:
            self._flush()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def handle(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    a = take(args, _LINES)
    bounded("start", a["start"], 1, 1 << 40)
    bounded("count", a["count"], 1, 1 << 20)
    bounded("max", a["max"], 1, MAX_BODY)
    bounded("width", a["width"], 1, 100000)
    with Root(ctx.root) as root:
        fd, info, place = open_file(root, a["path"])
    try:
        window = Window(a["start"], a["count"], a["max"], a["width"])
        ended = yield from _read(fd, window, info.st_size, place.path)
        if ended:
            window.finish()
    except OSError as error:
        raise from_os_error(error, place.path) from None
    finally:
        os.close(fd)
    return {
        "size": info.st_size,
        "total_lines": window.total if ended else None,
        "start": a["start"],
        "end": window.end,
        "cut_lines": window.cut,
        "encoding": "utf-8",
        "more": not ended or window.total > max(window.end, a["start"] - 1),
    }, bytes(window.text)


def _read(fd: int, window: Window, size: int, path: str) -> Generator[Any, Any, bool]:
    """Feeds the window; whether the file was read to its end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    while True:
        data = os.pread(fd, _PIECE, offset)
        if offset == 0 and b"\0" in data[:SNIFF]:
            raise not_text(path, data.index(b"\0"), size)
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            raise not_text(path, offset - held + error.start, size) from None
        if not data:
            return True
        window.feed(data)
        offset += len(data)
        if size > COUNTED and (window.full or window.total > window.last):
            return False
        if len(data) == _PIECE:
            yield None


def not_text(path: str, offset: int, size: int) -> Failure:
    return Failure(
        "not_text",
        "%s is not UTF-8 text (byte %d)" % (path, offset),
        detail={"offset": offset, "size": size},
    )
