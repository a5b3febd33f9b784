"""One container's moves: each runtime verb with its deadline and its fault points.

Nothing here reads or writes a row; callers hold the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from vibn.config import Settings
from vibn.errors import BoxAbsent, DeadlineExceeded
from vibn.models import Box, BoxRef, BoxSpec, Project, RuntimeState, RuntimeStatus, Tier
from vibn.runtimes.base import Runtime
from vibn.services.life.faults import Effect, Faults

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that the runtime gets for one verb; then the call ends with deadline_exceeded."""

    create: float = 120.0
    start: float = 60.0
    stop: float = 40.0
    grace: float = 10.0
    """Of ``stop``: between TERM and KILL for the processes of the box."""
    freeze: float = 15.0
    remove: float = 60.0
    look: float = 10.0


class Containers:
    def __init__(
        self,
        runtime: Runtime,
        settings: Settings,
        faults: Faults,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.runtime = runtime
        self.settings = settings
        self._faults = faults
        self._deadlines = deadlines or Deadlines()

    def spec(self, row: Box, project: Project | None, start: bool) -> BoxSpec:
        """``project`` is None for a box made ahead of its project."""
        return BoxSpec(
            box_id=row.box_id,
            project=project.slug if project else "",
            workspace=row.workspace,
            image=row.image,
            limits=(project.limits if project else None) or self.settings.limits,
            start=start,
        )

    async def ref(self, row: Box) -> BoxRef:
        """The runtime's name of the box, found by label when no handle was recorded."""
        if row.service_uuid:
            return BoxRef(row.box_id, row.service_uuid)
        owned = await _within(self._deadlines.look, "list", self.runtime.list())
        found = [box.ref for box in owned if box.ref.box_id == row.box_id]
        return found[0] if found else BoxRef(row.box_id, "")

    async def look(self, row: Box) -> RuntimeStatus:
        return await self._look(await self.ref(row))

    async def _look(self, ref: BoxRef) -> RuntimeStatus:
        if not ref.handle:
            return RuntimeStatus(RuntimeState.ABSENT)
        return await _within(self._deadlines.look, "status", self.runtime.status(ref))

    async def create(self, row: Box, project: Project | None, start: bool) -> str:
        """The handle. A container of this box id that is there already is kept as it is."""
        with self._faults.around(Effect.CREATE_CONTAINER):
            return await _within(
                self._deadlines.create,
                "create",
                self.runtime.create(self.spec(row, project, start)),
            )

    async def answers(self, ref: BoxRef) -> None:
        """Return once the box's agent accepts. Raises AgentLost when it does not."""
        sock = await _within(self._deadlines.start, "connect", self.runtime.connect(ref))
        sock.close()

    async def up(self, row: Box, project: Project, start: bool) -> str:
        """Bring the container to life from whatever state it is in; return its handle."""
        ref = await self.ref(row)
        status = await self._look(ref)
        if status.state is RuntimeState.FAILED:
            await self.remove(row)
        if status.state in (RuntimeState.FAILED, RuntimeState.ABSENT):
            return await self.create(row, project, start)
        if not start:
            return ref.handle
        if status.state is RuntimeState.FROZEN:
            with self._faults.around(Effect.THAW_CONTAINER):
                await _within(self._deadlines.freeze, "thaw", self.runtime.thaw(ref))
        elif status.state is RuntimeState.STOPPED:
            with self._faults.around(Effect.START_CONTAINER):
                await _within(self._deadlines.start, "start", self.runtime.start(ref))
        return ref.handle

    async def rest(self, row: Box, tier: Tier) -> Tier:
        """Freeze or stop it; return how deep it sleeps now (one that is gone counts as stopped)."""
        ref = await self.ref(row)
        if tier is Tier.FROZEN:
            state = (await self._look(ref)).state
            if state in (RuntimeState.RUNNING, RuntimeState.STARTING):
                with self._faults.around(Effect.FREEZE_CONTAINER):
                    await _within(self._deadlines.freeze, "freeze", self.runtime.freeze(ref))
                return Tier.FROZEN
            return Tier.FROZEN if state is RuntimeState.FROZEN else Tier.STOPPED
        try:
            with self._faults.around(Effect.STOP_CONTAINER):
                stopping = self.runtime.stop(ref, self._deadlines.grace)
                await _within(self._deadlines.stop, "stop", stopping)
        except BoxAbsent:
            pass  # removed by another hand: as quiet as it can be
        return Tier.STOPPED

    async def remove(self, row: Box, volumes: bool = False) -> None:
        await self.clear(await self.ref(row), volumes)

    async def clear(self, ref: BoxRef, volumes: bool = False) -> None:
        """Remove by the runtime's name: the way for a container without a row."""
        effect = Effect.REMOVE_VOLUMES if volumes else Effect.REMOVE_CONTAINER
        with self._faults.around(effect):
            await _within(self._deadlines.remove, "remove", self.runtime.remove(ref, volumes))


async def _within(seconds: float, verb: str, call: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError as late:
        if isinstance(late, DeadlineExceeded):
            raise
        raise DeadlineExceeded(
            f"The runtime did not finish {verb} within {seconds:g} s.",
            hint="Run `vibn doctor` to see whether the container engine answers.",
        ) from late
