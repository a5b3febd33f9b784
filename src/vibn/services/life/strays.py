"""Containers that carry this installation's label but have no row.

A control plane that was killed while it filled the warm pool leaves one behind. A restored backup
of the database leaves them too, and those hold someone's work. So a stray is removed only when

- it has been seen without a row for the whole grace, by this process,
- its own agent shows that nothing was ever put into /workspace, and no job runs in it;

and then its container alone: volumes stay whatever they hold. Any other stray is left running and
told once. None is adopted: another project's files must never reach a project through it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from vibn.channel import Pool
from vibn.errors import VibnError
from vibn.models import BoxRef, OwnedBox, RuntimeState
from vibn.services.clock import Clock
from vibn.services.life.containers import Containers
from vibn.services.life.hand import AgentHand

log = logging.getLogger(__name__)

GRACE = 3600.0
"""Seconds that a container without a row is left alone at least."""


class Strays:
    def __init__(
        self, containers: Containers, pool: Pool, clock: Clock, grace: float = GRACE
    ) -> None:
        self._containers = containers
        self._pool = pool
        self._clock = clock
        self._grace = timedelta(seconds=grace)
        self._seen: dict[str, datetime] = {}
        self._told: set[str] = set()

    async def look(self, alone: Sequence[OwnedBox]) -> list[str]:
        """The box ids of those that were removed; ``alone`` are all without a row now."""
        now = self._clock.now()
        ids = {box.ref.box_id for box in alone}
        self._seen = {box: self._seen.get(box, now) for box in ids}
        self._told &= ids
        ripe = [box for box in alone if now - self._seen[box.ref.box_id] >= self._grace]
        return [box.ref.box_id for box in ripe if await self._removed(box)]

    async def _removed(self, box: OwnedBox) -> bool:
        try:
            if box.state is RuntimeState.RUNNING and await self._untouched(box.ref):
                await self._pool.drop(box.ref)
                await self._containers.clear(box.ref)
                return True
        except VibnError as error:
            log.info("box %s without a row does not answer: %s", box.ref.box_id, error)
        if box.ref.box_id not in self._told:
            self._told.add(box.ref.box_id)
            log.warning(
                "box %s (%s) belongs to no project and is left alone", box.ref.box_id, box.state
            )
        return False

    async def _untouched(self, ref: BoxRef) -> bool:
        return await AgentHand(await self._pool.get(ref, "vibn")).untouched()
