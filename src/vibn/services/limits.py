"""How many calls a token may make: a second, and at once. Each server counts for itself."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vibn.errors import RateLimited, TooManyCalls

REMEMBERED = 10_000
"""Tokens whose counts are kept; of more, the ones that were idle longest are forgotten."""
BUSY_RETRY = 1.0
"""Seconds after which one who has too many calls open is told to try again."""


@dataclass(slots=True)
class _Count:
    """``left`` calls may follow at once; it grows with time up to the burst."""

    left: float
    at: float
    open: int = 0


class CallLimits:
    """``rate`` calls a second in the long run with bursts of ``burst``, ``at_once`` open ones.
    0 for a limit: there is none. ``clock`` gives seconds that only grow."""

    def __init__(
        self, rate: float, burst: int, at_once: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = max(burst, 1)
        self._at_once = at_once
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    @contextmanager
    def entered(self, token: str) -> Iterator[None]:
        """Counts one call while the block runs. Raises RateLimited, TooManyCalls; both tell
        ``retry_after``, in seconds."""
        count = self._of(token)
        if self._at_once and count.open >= self._at_once:
            raise TooManyCalls(
                f"This token has {count.open} calls open; {self._at_once} is the limit.",
                detail={"retry_after": BUSY_RETRY},
            )
        if self._rate and count.left < 1:
            wait = (1 - count.left) / self._rate
            raise RateLimited(
                f"This token made more than {self._rate:g} calls a second.",
                detail={"retry_after": math.ceil(wait * 1000) / 1000},
            )
        count.left -= 1
        count.open += 1
        try:
            yield
        finally:
            count.open -= 1

    def _of(self, token: str) -> _Count:
        now = self._clock()
        count = self._counts.get(token)
        if count is None:
            count = self._counts[token] = _Count(self._burst, now)
            self._forget()
        self._counts.move_to_end(token)
        count.left = min(self._burst, count.left + (now - count.at) * self._rate)
        count.at = now
        return count

    def _forget(self) -> None:
        for token in list(self._counts):
            if len(self._counts) <= REMEMBERED:
                return
            if not self._counts[token].open:
                del self._counts[token]
