"""Keeps an answer within what one frame's header can hold."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 224 * 1024
"""Bytes of JSON; the rest of the header's 256 KiB is for the frame around it."""


class Answer:
    """A list of values that stops growing at ``limit`` of them, or when the frame is full."""

    def __init__(self, limit: int) -> None:
        self.items: list[Any] = []
        self.truncated = False
        self._limit = limit
        self._room = MOST

    def add(self, value: Any) -> bool:
        """False, and nothing is added, when it does not fit; then ``truncated`` is true."""
        if self.truncated:
            return False
        size = len(json.dumps(value)) + 2
        if len(self.items) >= self._limit or size > self._room:
            self.truncated = True
            return False
        self._room -= size
        self.items.append(value)
        return True
