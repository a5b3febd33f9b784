"""Where tasks wait in line, and the budget for frames that carry nothing."""

from __future__ import annotations

import asyncio
from collections import deque


class Gate:
    """A line of waiting tasks. Being let through is a hint: look again at what you wait for."""

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line: deque[asyncio.Future[None]] = deque()

    def __bool__(self) -> bool:
        """True when somebody waits."""
        return bool(self._line)

    async def wait(self, seconds: float) -> None:
        """Raises TimeoutError after ``seconds``."""
        waiter = asyncio.get_running_loop().create_future()
        self._line.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except BaseException:
            if not waiter.cancelled():
                self.let_one()  # it was this one's turn, which it cannot take
            raise
        finally:
            if waiter in self._line:
                self._line.remove(waiter)

    def let_one(self) -> None:
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def let_all(self) -> None:
        line, self._line = self._line, deque()
        for waiter in line:
            if not waiter.done():
                waiter.set_result(None)


class Allowance:
    """``burst`` at once, and ``rate`` a second in the long run."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = 0.0

    def take(self, now: float) -> bool:
        """False when nothing is left at ``now`` (seconds that never go back)."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return self._left >= 0
