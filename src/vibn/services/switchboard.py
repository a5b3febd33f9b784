"""What an operator does with the kill switch, from whichever surface."""

from __future__ import annotations

import asyncio
import logging

from vibn.authority import Scope, Switch, Switches
from vibn.channel import Pool
from vibn.errors import ProjectNotFound, VibnError
from vibn.models import Box, BoxRef, BoxState
from vibn.outcomes import JobState
from vibn.services.clock import Clock
from vibn.services.killswitch import Drill, KillSwitch
from vibn.store.base import Store

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Boxes whose jobs are ended at the same time."""


class Switchboard:
    def __init__(self, killswitch: KillSwitch, store: Store, pool: Pool, clock: Clock) -> None:
        self._killswitch = killswitch
        self._store = store
        self._pool = pool
        self._clock = clock

    @property
    def switches(self) -> Switches:
        """As this server applies them."""
        return self._killswitch.state

    async def disable(
        self, workspace: str, project: str, reason: str, author: str, kill: bool = False
    ) -> Switches:
        """Switch off a project, a workspace (``project`` empty) or all (both empty). With
        ``kill`` commands that run now are ended on every server, and background jobs too.

        Raises InvalidInput, and WorkspaceNotFound or ProjectNotFound for names that do not
        exist: a misspelt switch would protect nobody.
        """
        if project and workspace:
            await self._store.locate(workspace, project)
        elif workspace:
            await self._store.workspace(workspace)
        switch = Switch(
            scope_of(workspace, project),
            workspace,
            project,
            reason,
            author,
            self._clock.now(),
            kill,
        )
        switches = await self._killswitch.disable(switch)
        if kill:
            await self._end_jobs(switch)
        return switches

    async def enable(self, workspace: str, project: str) -> Switches:
        """Take back the switch of exactly this scope; wider ones stay. Idempotent."""
        return await self._killswitch.enable(
            Switch(scope_of(workspace, project), workspace, project, "", "", self._clock.now())
        )

    async def drill(self, author: str) -> Drill:
        return await self._killswitch.drill(author)

    async def _end_jobs(self, switch: Switch) -> None:
        """Boxes that do not answer have nothing that runs, or the next call will tell."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def end(box: Box) -> None:
            async with gate:
                try:
                    await self._end_jobs_of(box)
                except (VibnError, TimeoutError) as error:
                    log.warning("jobs of box %s were not ended: %s", box.box_id, error)

        await asyncio.gather(*(end(box) for box in await self._covered(switch)))

    async def _covered(self, switch: Switch) -> list[Box]:
        if switch.scope is Scope.PROJECT:
            try:
                box = (await self._store.locate(switch.workspace, switch.project)).box
            except ProjectNotFound:
                return []
            return [box] if box is not None and box.state is BoxState.RUNNING else []
        running = await self._store.boxes(BoxState.RUNNING)
        return [box for box in running if switch.covers(box.workspace, "")]

    async def _end_jobs_of(self, box: Box) -> None:
        async with asyncio.timeout(10):
            client = await self._pool.get(BoxRef(box.box_id, box.service_uuid), "vibn")
            for job in await client.job_list():
                if job.state is JobState.RUNNING:
                    await client.job_signal(job.id, "KILL")


def scope_of(workspace: str, project: str) -> Scope:
    """The scope of a switch that names these."""
    if project:
        return Scope.PROJECT
    return Scope.WORKSPACE if workspace else Scope.GLOBAL
