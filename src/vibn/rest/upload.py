"""A request's body as a stream of pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from starlette.requests import Request


async def pieces(request: Request, took: Callable[[int], None]) -> AsyncIterator[bytes]:
    """As they come, of which one at a time is in memory; ``took`` hears of their sizes.
    Raises ClientDisconnect, and DeadlineExceeded when the next one does not come."""
    async for data in request.stream():
        if data:
            took(len(data))
            yield data
