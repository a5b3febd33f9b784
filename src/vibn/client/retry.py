"""Whether a call that failed is tried again, and when."""

from __future__ import annotations

from vibn.client.request import Request
from vibn.errors import VibnError

ATTEMPTS = 3
FIRST = 0.15
"""Seconds before the second attempt; twice as long before the third."""


def pause(
    request: Request, error: VibnError, failed: int, left: float, luck: float
) -> float | None:
    """Seconds to wait after ``failed`` attempts, None to give up: what could take effect twice is
    not repeated, nor what another attempt would not help. The server's Retry-After counts;
    ``left`` is what the deadline leaves, ``luck`` (0 to 1) spreads callers who failed at once."""
    if not request.repeatable or not error.retryable or failed >= ATTEMPTS:
        return None
    asked = error.detail.get("retry_after")
    wait = float(asked) if isinstance(asked, int | float) else FIRST * 2 ** (failed - 1)
    wait *= 1 + luck / 4
    return wait if wait < left else None
