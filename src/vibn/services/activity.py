"""Activity of boxes, gathered in memory and written in batches behind the calls.

A call costs one dictionary entry; one task writes all of them every few seconds and at close. The
times only move forwards, here and in the store, so batches may be repeated or come late. What a
SIGKILL loses is the last few seconds of activity, never more.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any

from vibn.errors import StoreUnavailable
from vibn.services.clock import Clock, SystemClock
from vibn.store.base import Store

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two writes."""
MOST = 10_000
"""Boxes in one batch. A fuller one is written at once; while the store is away, the boxes with
the oldest activity are forgotten beyond it."""


class Activity:
    """Use it as ``async with``, or ``close`` it; the task begins with the first ``touch``."""

    def __init__(
        self, store: Store, clock: Clock | None = None, every: float = EVERY, most: int = MOST
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._every = every
        self._most = most
        self._latest: dict[str, datetime] = {}
        self._full = asyncio.Event()
        self._closed = False
        self._writer: asyncio.Task[None] | None = None

    def note(self, project_id: str) -> None:
        """Activity of this project's box, now. Never blocks."""
        self.touch(project_id, self._clock.now())

    def touch(self, project_id: str, at: datetime) -> None:
        """Activity at ``at``. Never blocks. After ``close`` it is dropped: none would write it."""
        if self._closed:
            return
        self._keep({project_id: at})
        if len(self._latest) >= self._most:
            self._full.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._run(), name="activity")

    async def flush(self) -> None:
        """Write what is gathered. Raises StoreUnavailable and keeps it then."""
        batch, self._latest = self._latest, {}
        try:
            if batch:
                await self._store.touch(batch)
        except BaseException:
            self._keep(batch)
            raise

    async def close(self) -> None:
        """Write the rest. When the store is away, one warning says how much was lost."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            await self.flush()
        except StoreUnavailable as error:
            log.warning("the last activity of %d boxes is lost: %s", len(self._latest), error)

    async def __aenter__(self) -> Activity:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _keep(self, batch: dict[str, datetime]) -> None:
        for project_id, at in batch.items():
            there = self._latest.get(project_id)
            if there is None or there < at:
                self._latest[project_id] = at
        if len(self._latest) > self._most:
            # More than must be: sorting again at each touch would cost every caller.
            keep = self._most - self._most // 10
            newest = sorted(self._latest, key=self._latest.__getitem__)[-keep:]
            self._latest = {project_id: self._latest[project_id] for project_id in newest}

    async def _run(self) -> None:
        away = False
        while True:
            await self._pause(early=not away)
            try:
                await self.flush()
            except StoreUnavailable as error:
                if not away:
                    log.warning("activity is kept until the store answers: %s", error)
                away = True
            else:
                away = False

    async def _pause(self, early: bool) -> None:
        """Until the next write: ``every`` seconds, or until the batch is full if ``early``."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._sleep())]
        if early:
            waits.append(asyncio.create_task(self._full.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self._full.clear()

    async def _sleep(self) -> None:
        await self._clock.sleep(self._every)
