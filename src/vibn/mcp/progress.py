"""Progress of one call, for a client that asked to be told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

QUIET = 10.0
"""Seconds without a word after which a client is told that the call goes on: some give up on a
silent one after a minute."""


class Listener(Protocol):
    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None: ...


class Teller:
    """Called with the tail of what a command printed. ``progress`` counts the seconds."""

    def __init__(self, listener: Listener, quiet: float = QUIET) -> None:
        self._listener = listener
        self._quiet = quiet
        self._begun = self._last = time.monotonic()

    async def __call__(self, text: str) -> None:
        self._last = time.monotonic()
        passed = round(self._last - self._begun, 3)
        await self._listener.report_progress(passed, None, text)

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """For as long as the block runs, say so when nothing else is said."""
        task = asyncio.create_task(self._remind(), name="mcp progress")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _remind(self) -> None:
        while True:
            wait = self._last + self._quiet - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await self(f"Still running after {time.monotonic() - self._begun:.0f} s.")
