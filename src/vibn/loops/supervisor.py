"""The one owner of all background work: each loop has a name, and one that ends by surprise ends
the process cleanly, for a server without it would only seem to work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

Loop = Callable[[], Awaitable[None]]


@asynccontextmanager
async def supervised(loops: Mapping[str, Loop], stop: Callable[[], None]) -> AsyncIterator[None]:
    """Run ``loops`` for the length of the block; ``stop`` is called when one ended before."""
    tasks = [
        asyncio.create_task(_named(name, loop, stop), name=name) for name, loop in loops.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _named(name: str, loop: Loop, stop: Callable[[], None]) -> None:
    try:
        await loop()
    except Exception:
        log.exception("the loop %s broke; the server stops", name)
    else:
        log.error("the loop %s ended by itself; the server stops", name)
    stop()
