"""Keeps the head and the tail of a stream of any length in bounded memory."""

from __future__ import annotations


class Capture:
    """At most ``cap`` bytes: the first half and the last half, and how many there were."""

    __slots__ = ("_head_limit", "_tail_limit", "head", "tail", "total")

    def __init__(self, cap: int) -> None:
        self._tail_limit = cap // 2
        self._head_limit = cap - self._tail_limit
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    @property
    def cut(self) -> bool:
        return self.total > self._head_limit + self._tail_limit

    def fits(self, size: int) -> bool:
        """Whether nothing would be cut with ``size`` bytes more."""
        return self.total + size <= self._head_limit + self._tail_limit

    def add(self, data: bytes) -> None:
        self.total += len(data)
        missing = self._head_limit - len(self.head)
        if missing > 0:
            self.head += data[:missing]
            data = data[missing:]
        if data:
            tail = self.tail
            tail += data
            if len(tail) > 2 * self._tail_limit + 65536:
                del tail[: len(tail) - self._tail_limit]

    def content(self) -> bytes:
        """The head, then the tail."""
        over = len(self.tail) - self._tail_limit
        if over > 0:
            del self.tail[:over]
        return bytes(self.head + self.tail)
