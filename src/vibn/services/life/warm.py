"""Boxes made ahead of their projects, so that a first ensure needs no container of its own.

Off unless ``VIBN_WARM_POOL`` says how many. A warm box has the default limits and image and no
project: its slug reaches its commands as a variable of each. It is never given to a second project
and never taken back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import Box, BoxRef, BoxState
from vibn.services.clock import Clock
from vibn.services.life.containers import Containers
from vibn.services.life.faults import Effect, Faults
from vibn.store.base import Store

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two looks at the pool when no claim asks for one sooner."""


class WarmPool:
    def __init__(
        self,
        store: Store,
        containers: Containers,
        clock: Clock,
        ids: Callable[[], str],
        settings: Settings,
        faults: Faults,
    ) -> None:
        self._store = store
        self._containers = containers
        self._clock = clock
        self._ids = ids
        self._size = settings.warm_pool
        self._image = settings.dev_image
        self._faults = faults
        self._wanted = asyncio.Event()

    async def claim(self, image: str) -> Box | None:
        """A ready box for one project, for good; None when the pool is off or empty."""
        if not self._size:
            return None
        with self._faults.around(Effect.CLAIM_WARM):
            box = await self._store.claim_warm(image, self._containers.runtime.name)
        self._wanted.set()
        return box

    async def refill(self) -> int:
        """Make what is missing, one after the other; returns how many were made.

        Boxes of an older image are removed: they never had a project, so nothing is lost.
        """
        made = 0
        for box in await self._store.warm():
            if box.runtime == self._containers.runtime.name and box.image != self._image:
                await self._discard(box.image)
        while len(await self._current()) < self._size:
            await self._make()
            made += 1
        return made

    async def drain(self) -> None:
        """Remove every warm box of this runtime, before an installation is taken down."""
        for box in await self._store.warm():
            if box.runtime == self._containers.runtime.name:
                await self._discard(box.image)

    async def run(self) -> None:
        """Keep the pool filled until cancelled. One owner at a time."""
        while True:
            self._wanted.clear()
            try:
                await self.refill()
            except VibnError as error:
                log.warning("the warm pool is not refilled: %s", error)
                await self._clock.sleep(INTERVAL)
                continue
            waits = [
                asyncio.ensure_future(self._wanted.wait()),
                asyncio.ensure_future(self._clock.sleep(INTERVAL)),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _current(self) -> list[Box]:
        name = self._containers.runtime.name
        return [
            box
            for box in await self._store.warm()
            if (box.runtime, box.image) == (name, self._image)
        ]

    async def _make(self) -> None:
        now = self._clock.now()
        box = Box(
            project_id="",
            workspace="",
            box_id=self._ids(),
            service_uuid="",
            image=self._image,
            state=BoxState.RUNNING,
            last_active_at=now,
            created_at=now,
            runtime=self._containers.runtime.name,
        )
        try:
            handle = await self._containers.create(box, None, start=True)
            await self._containers.answers(BoxRef(box.box_id, handle))
        except VibnError:
            await self._containers.remove(box, volumes=True)
            raise
        with self._faults.around(Effect.ADD_WARM):
            await self._store.add_warm(replace(box, service_uuid=handle))

    async def _discard(self, image: str) -> None:
        """Claimed first, so that no project can get it while it goes."""
        with self._faults.around(Effect.CLAIM_WARM):
            box = await self._store.claim_warm(image, self._containers.runtime.name)
        if box is not None:
            await self._containers.remove(box, volumes=True)
