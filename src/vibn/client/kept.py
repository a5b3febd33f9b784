"""Output that went past: its beginning and its end, for the result."""

from __future__ import annotations

import codecs


class Kept:
    """Keeps at most ``most`` bytes, half from the head and half from the tail; gives text, piece
    by piece and all of it."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> str:
        """``data`` as text; a character that it ends within comes with the next piece."""
        self._total += len(data)
        room = self._half - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[room:] if room > 0 else data
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half or None]
        return self._decoder.decode(data)

    def end(self) -> str:
        """What was left of a character."""
        return self._decoder.decode(b"", final=True)

    @property
    def cut(self) -> int:
        """Bytes in the middle that are gone."""
        return max(0, self._total - len(self._head) - self._half)

    def text(self, log: str | None) -> str:
        tail = self._tail[-self._half :] if self.cut else self._tail
        if not self.cut:
            return (self._head + tail).decode(errors="replace")
        where = f"; all of it is in {log}" if log else ""
        first, last = self._head.decode(errors="replace"), tail.decode(errors="replace")
        return f"{first}\n[... {self.cut} bytes cut{where} ...]\n{last}"
