"""The disk limit where the runtime cannot hold it: measured, and enforced on our own writes.

A command can still fill the disk there (`status` names `disk` among the limits not applied); the
next write through fs_write or fs_edit is then refused, and so an agent learns of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from vibn.channel import AgentClient
from vibn.errors import DiskFull, VibnError
from vibn.models import Limits
from vibn.services.life.boxes import Inside

FRESH = 2.0
"""Seconds for which a measure counts, at least."""
SPARE = 50
"""It counts for so many times as long as it took: measuring costs at most 2 % of the time."""
WAIT = 1.0
"""Seconds that a write waits for a measure; then the last one counts, and this one goes on."""


@dataclass(frozen=True, slots=True)
class Measure:
    used: int
    until: float


class DiskGauge:
    """``applied``: the runtime holds the limit itself, so nothing is measured."""

    def __init__(
        self, applied: bool, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._applied = applied
        self._limits = limits
        self._clock = clock
        self._measures: dict[str, Measure] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def admit(self, inside: Inside, size: int) -> None:
        """Raises DiskFull when the workspace and ``size`` more bytes are above the limit."""
        if self._applied:
            return
        box, limit = inside.box.box_id, (inside.project.limits or self._limits).disk
        await self._refresh(box, inside.client)
        measure = self._measures.get(box)
        if measure is not None and measure.used + size > limit:
            raise DiskFull(
                f"The workspace holds {measure.used >> 20} MiB; its limit is {limit >> 20} MiB."
            )

    async def _refresh(self, box: str, client: AgentClient) -> None:
        measure = self._measures.get(box)
        if measure is not None and self._clock() < measure.until:
            return
        task = self._running.get(box)
        if task is None:
            task = asyncio.create_task(self._measure(box, client), name=f"disk of {box}")
            self._running[box] = task
            task.add_done_callback(lambda _: self._running.pop(box, None))
        await asyncio.wait([task], timeout=WAIT)

    async def _measure(self, box: str, client: AgentClient) -> None:
        begun = self._clock()
        try:
            used = (await client.info(disk=True)).disk.workspace
        except VibnError:
            return  # the write itself will tell what is wrong with the box
        now = self._clock()
        if used is not None:
            self._measures[box] = Measure(used, now + max(FRESH, SPARE * (now - begun)))

    async def close(self) -> None:
        """End the measuring that is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
