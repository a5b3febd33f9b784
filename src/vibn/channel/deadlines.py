"""How long the channel waits for an agent."""

from __future__ import annotations

from dataclasses import dataclass

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until waiting ends."""

    handshake: float = 10.0
    silence: float = 10.0
    """A peer that sent nothing for so long, no pong either, is lost. Looked at only while a
    request is in flight: a frozen box that nobody asks keeps its connection."""
    answer: float = 60.0
    """For operations that have no time of their own."""
    cancel: float = 5.0
    """From a cancel to the end of the request."""
    room: float = 30.0
    """For a place among the requests, and for a peer that does not read."""
