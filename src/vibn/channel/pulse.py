"""Whether a peer still lives, told by its silence."""

from __future__ import annotations

from enum import Enum

TICKS = 10
"""Ticks of silence after which a peer is lost."""
PATIENT = 3
"""Ticks of silence after which it is asked."""


class Beat(Enum):
    WAIT = "wait"
    ASK = "ask"
    LOST = "lost"


class Pulse:
    """Counts ticks, not seconds: when this process itself stood still, the peer is not to blame.
    Whoever hears from the peer sets ``quiet`` to 0."""

    __slots__ = ("_asked", "quiet")

    def __init__(self) -> None:
        self.quiet = 0
        self._asked = False

    def tick(self) -> Beat:
        quiet = self.quiet
        self.quiet = quiet + 1
        if quiet < PATIENT:
            self._asked = False
            return Beat.WAIT
        if not self._asked:
            self._asked = True
            return Beat.ASK
        return Beat.LOST if quiet >= TICKS else Beat.WAIT
