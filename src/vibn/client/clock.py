"""A deadline that a call's steps share."""

from __future__ import annotations

import math
import time

import httpx2

from vibn.client.problem import late

CONNECT = 10.0
"""Seconds for a connection to be made."""


class Deadline:
    """``seconds`` from now on; None: never."""

    def __init__(self, seconds: float | None, url: str) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._url = url

    def left(self) -> float:
        """Seconds, maybe negative or infinite."""
        return self._end - time.monotonic()

    def check(self) -> None:
        """Raises DeadlineExceeded when it has passed."""
        if self.left() <= 0:
            raise late(self._url)

    def timeout(self, silence: float | None) -> httpx2.Timeout:
        """For one attempt that may be silent for so long."""
        self.check()
        least = min(self.left(), math.inf if silence is None else silence)
        wait = None if math.isinf(least) else least
        return httpx2.Timeout(wait, connect=CONNECT if wait is None else min(CONNECT, wait))
