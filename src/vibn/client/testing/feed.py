"""Pieces that one thread gives and another takes."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Feed(Generic[T]):
    """Ends when either side closes it; ``on_close`` hears that once."""

    def __init__(self, on_close: Callable[[], None] | None = None) -> None:
        self._queue: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._on_close = on_close
        self.closed = False

    def put(self, piece: T) -> None:
        if not self.closed:
            self._queue.put(piece)

    def end(self) -> None:
        """What was put before is still taken."""
        self._queue.put(None)

    def take(self, seconds: float | None = None) -> T | None:
        """None at the end. Raises TimeoutError."""
        try:
            piece = self._queue.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if piece is None:
            self._queue.put(None)
        return piece

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._queue.put(None)
            if self._on_close is not None:
                self._on_close()

    def __iter__(self) -> Iterator[T]:
        while (piece := self.take()) is not None:
            yield piece
