"""Life of a box: ensure, status, suspend, resume, recreate, delete, and the way in.

    absent --ensure--> provisioning --> running <--> suspended (frozen | stopped)
                            |              |
                            +--> failed <--+      the next ensure tries again

The row is the truth about what should be, the runtime about what is. Every change is made under
the row's lease (``lease.py``); callers who want the same thing at once share one flight. A row that
says running is believed until a connect fails: the warm path makes no runtime call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from vibn.channel import AgentClient, Pool
from vibn.config import Settings
from vibn.errors import (
    AgentLost,
    BoxAbsent,
    BoxBusy,
    ProjectNotFound,
    Unsupported,
    VibnError,
)
from vibn.models import Box, BoxRef, BoxState, Capabilities, Project, RuntimeState, Tier
from vibn.runtimes.base import Runtime
from vibn.services.clock import Clock
from vibn.services.environment import Environment
from vibn.services.life.containers import Containers, Deadlines
from vibn.services.life.faults import Faults, from_environment
from vibn.services.life.flights import Flights
from vibn.services.life.lease import LENGTH, Held, Leases
from vibn.services.life.operation import Operation
from vibn.services.life.seeding import Seeder
from vibn.services.life.status import BoxStatus, Ensured, describe
from vibn.services.life.steps import Steps
from vibn.services.life.warm import WarmPool
from vibn.store.base import Store
from vibn.store.located import Located

T = TypeVar("T")

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds that a caller waits for another's operation on the same box."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The way into a running box, for one call."""

    client: AgentClient
    project: Project
    box: Box
    secrets: Mapping[str, bytes]
    """Sealed."""


class Boxes:
    """The life of all boxes, for one control plane. ``ids`` gives random ids (``box_id``s)."""

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        pool: Pool,
        clock: Clock,
        ids: Callable[[], str],
        settings: Settings,
        environment: Environment,
        note: Callable[[str], None],
        *,
        faults: Faults | None = None,
        deadlines: Deadlines | None = None,
        lease: float = LENGTH,
        patience: float = PATIENCE,
    ) -> None:
        """``note`` records activity of a project id; it must not block."""
        faults = faults or from_environment()
        self.store = store
        self.runtime = runtime
        self._pool = pool
        self.clock = clock
        self._ids = ids
        self._settings = settings
        self._note = note
        self._patience = patience
        self.faults = faults
        self.leases = Leases(store, clock, ids(), faults, lease)
        self.containers = Containers(runtime, settings, faults, deadlines)
        self.warm = WarmPool(store, self.containers, clock, ids, settings, faults)
        self.environment = environment
        self._steps = Steps(self.containers, clock, pool, self.warm, Seeder(faults), environment)
        self._flights = Flights()

    async def close(self) -> None:
        """Wait for what is in flight, for ten seconds at most. Boxes keep running."""
        await self._flights.close()

    # the way in

    @property
    def capabilities(self) -> Capabilities:
        """What the runtime of all boxes can do."""
        return self.runtime.capabilities

    async def agent(self, workspace: str, project: str, user: str = "vibn") -> AgentClient:
        """A live client of the box's agent. See ``enter``."""
        return (await self.enter(workspace, project, user)).client

    async def enter(self, workspace: str, project: str, user: str = "vibn") -> Inside:
        """Into the box, made, woken or healed first if need be; one SELECT when it runs.

        Raises ProjectNotFound, BoxFailed, BoxBusy, AgentLost, and Unsupported for a ``user``
        that the runtime does not offer.
        """
        return await self.enter_located(await self.store.locate(workspace, project), user)

    async def enter_located(self, located: Located, user: str = "vibn") -> Inside:
        """As ``enter``, for what was just read; no SELECT when the box runs."""
        row = located.box
        if row is None or not self._ready(row, located.project):
            row, _ = await self._awake(located.project)
        try:
            client = await self._pool.get(BoxRef(row.box_id, row.service_uuid), user)
        except (AgentLost, BoxAbsent):
            row = await self._healed(located.project, row)
            client = await self._pool.get(BoxRef(row.box_id, row.service_uuid), user)
        self._note(row.project_id)
        return Inside(client, located.project, row, located.secrets)

    def _ready(self, row: Box, project: Project) -> bool:
        return (
            row.state is BoxState.RUNNING
            and not row.operation
            and (row.seeded or project.seed is None or bool(row.reason))
        )

    # the operations

    async def ensure(self, workspace: str, project: str, start: bool = True) -> Ensured:
        """The project's box, made if there is none, resumed if it sleeps and ``start``.

        Idempotent and safe on every chat turn: a running box costs one SELECT. With ``start``
        False a box is made but not started, and one that is there is left as it is. Raises
        BoxFailed with the reason; the next call tries again.
        """
        located = await self.store.locate(workspace, project)
        row = located.box
        if row is None or not (self._ready(row, located.project) or self._rests(row, start)):
            row, created = await self._awake(located.project, start)
            return Ensured(row.service_uuid, row.state, created, row.reason)
        return Ensured(row.service_uuid, row.state, False, row.reason)

    @staticmethod
    def _rests(row: Box, start: bool) -> bool:
        settled = row.state in (BoxState.RUNNING, BoxState.SUSPENDED)
        return not start and settled and not row.operation

    async def status(self, workspace: str, project: str, live: bool = False) -> BoxStatus:
        """What the row says; with ``live`` the runtime is asked too. Never changes anything."""
        row = (await self.store.locate(workspace, project)).box
        if row is None or not live:
            return describe(row)
        return describe(row, await self.containers.look(row))

    async def suspend(self, workspace: str, project: str, tier: Tier = Tier.STOPPED) -> BoxStatus:
        """Put it to sleep at least as deep as ``tier``; absent or asleep already is fine.

        Raises Unsupported for ``frozen`` where the runtime cannot freeze.
        """
        if tier is Tier.FROZEN and not self.runtime.capabilities.freeze:
            raise Unsupported(
                "This runtime cannot freeze a dev container.", hint="Suspend it as stopped."
            )
        located = await self.store.locate(workspace, project)
        row = located.box
        if row is None or (not row.operation and self._sleeps(row, tier)):
            return describe(row)
        key = ("suspend", row.project_id, tier)
        return describe(await self._share(key, lambda: self._suspend(row, tier)))

    @staticmethod
    def _sleeps(row: Box, tier: Tier) -> bool:
        if row.state is BoxState.FAILED:
            return True
        deep = tier is Tier.FROZEN or row.tier is Tier.STOPPED
        return row.state is BoxState.SUSPENDED and deep

    async def resume(self, workspace: str, project: str) -> Ensured:
        """Wake it. Raises BoxAbsent when the project has no box."""
        if (await self.store.locate(workspace, project)).box is None:
            raise BoxAbsent("The project has no dev container.")
        return await self.ensure(workspace, project)

    async def delete(self, workspace: str, project: str, volumes: bool) -> None:
        """Remove the container; with ``volumes`` its files and its row too, for good.

        Without ``volumes`` the row stays, stopped: the next ensure makes a new container on the
        same files. Idempotent.
        """
        located = await self.store.locate(workspace, project)
        row = located.box
        if row is not None:
            key = ("delete", row.project_id, volumes)
            await self._share(key, lambda: self._delete(row.project_id, volumes))

    async def recreate(self, workspace: str, project: str, image: str | None = None) -> Ensured:
        """A new container on ``image`` (default: the configured one) with the same volumes.

        One that slept is stopped afterwards, else it runs. An image that cannot be used costs
        what was installed outside the volumes, never the box: it comes back on the image it had,
        and the error says so. Raises BoxAbsent, BoxFailed.
        """
        located = await self.store.locate(workspace, project)
        if located.box is None:
            raise BoxAbsent("The project has no dev container.")
        wanted = image or self._settings.dev_image
        key = ("recreate", located.project.id, wanted)
        row = await self._share(key, lambda: self._recreate(located.project, wanted))
        return Ensured(row.service_uuid, row.state, False, row.reason)

    async def seed(self, workspace: str, project: str) -> None:
        """Try the project's seed again, such as after its URL was mended.

        Raises Conflict when /workspace has other files, Unavailable when it cannot be fetched.
        """
        located = await self.store.locate(workspace, project)
        if located.project.seed is None:
            return
        await self._awake(located.project)
        key = ("seed", located.project.id)
        await self._share(key, lambda: self._seed(located.project))

    # for the reconciler

    async def recover(self, row: Box) -> bool:
        """Roll an interrupted operation forward. False when another is at it."""
        key = ("recover", row.project_id)
        return await self._share(key, lambda: self._recover(row))

    async def follow(self, project_id: str) -> Box | None:
        """Bring the row to what the runtime says of its container, after it changed by itself or
        by another's hand. Returns the row, or None where nothing was to be done."""
        key = ("follow", project_id)
        return await self._share(key, lambda: self._follow(project_id))

    # flights

    async def _share(self, key: Hashable, make: Callable[[], Coroutine[object, object, T]]) -> T:
        """The result of one shared task, which goes on when this caller leaves or is too late."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._flights.join(key, make)
        except TimeoutError as late:
            if isinstance(late, VibnError):
                raise
            raise BoxBusy(
                f"The dev container was not ready within {self._patience:g} s.",
                hint="It goes on: see devcontainer_status, and try again.",
            ) from late

    async def _awake(self, project: Project, start: bool = True) -> tuple[Box, bool]:
        key = ("awake", project.id, start)
        shared = self._flights.flying(key)
        row, created = await self._share(key, lambda: self._wake(project, start))
        return row, created and not shared

    async def _wake(self, project: Project, start: bool) -> tuple[Box, bool]:
        for _ in range(5):
            if await self.store.box(project.id) is None:
                held = await self.leases.claim(self._fresh(project), _create(start))
                if held is not None:
                    async with held:
                        return await self._steps.first(held, project, start), True
            operation = Operation.START if start else Operation.CREATE_STOPPED
            try:
                got = await self._take(
                    project.id,
                    operation,
                    lambda row: self._ready(row, project) or self._rests(row, start),
                )
            except BoxAbsent:
                continue  # deleted meanwhile: make it anew
            if isinstance(got, Box):
                return got, False
            async with got:
                if await self._steps.settle_interrupted(got):
                    return await self._steps.up(got, project, start), False
        raise BoxBusy("The dev container is deleted as often as it is made.")

    def _fresh(self, project: Project) -> Box:
        now = self.clock.now()
        return Box(
            project_id=project.id,
            workspace=project.workspace,
            box_id=self._ids(),
            service_uuid="",
            image=self._settings.dev_image,
            state=BoxState.PROVISIONING,
            last_active_at=now,
            created_at=now,
            runtime=self.runtime.name,
        )

    async def _suspend(self, row: Box, tier: Tier) -> Box | None:
        operation = Operation.FREEZE if tier is Tier.FROZEN else Operation.STOP
        try:
            got = await self._take(row.project_id, operation, lambda now: self._sleeps(now, tier))
        except BoxAbsent:
            return None
        if isinstance(got, Box):
            return got
        async with got:
            if not await self._steps.settle_interrupted(got):
                return None
            return await self._steps.rest(got, tier)

    async def _delete(self, project_id: str, volumes: bool) -> None:
        operation = Operation.DELETE if volumes else Operation.DELETE_CONTAINER
        try:
            got = await self._take(project_id, operation, lambda _: False)
        except BoxAbsent:
            return
        assert isinstance(got, Held)
        async with got:
            if volumes:
                await self._steps.delete(got)
            elif await self._steps.settle_interrupted(got):
                await self._steps.strip(got)

    async def _recreate(self, project: Project, image: str) -> Box:
        got = await self._take(project.id, Operation.RECREATE, lambda _: False)
        assert isinstance(got, Held)
        async with got:
            if not await self._steps.settle_interrupted(got):
                raise BoxAbsent("The dev container was being deleted.")
            return await self._steps.replace(got, project, image)

    async def _seed(self, project: Project) -> None:
        got = await self._take(project.id, Operation.SEED, lambda row: row.seeded)
        if isinstance(got, Box):
            return
        async with got:
            if await self._steps.settle_interrupted(got):
                await self._steps.seed(got, project)

    async def _healed(self, project: Project, seen: Box) -> Box:
        """After a failed connect: whatever is wrong with the container is mended first."""
        key = ("heal", project.id)
        return await self._share(key, lambda: self._heal(project, seen))

    async def _heal(self, project: Project, seen: Box) -> Box:
        state = (await self.containers.look(seen)).state
        operation = Operation.START
        if state in (RuntimeState.RUNNING, RuntimeState.STARTING):
            try:
                await self._pool.get(BoxRef(seen.box_id, seen.service_uuid), "vibn")
                return seen
            except (AgentLost, BoxAbsent):
                operation = Operation.RESTART
        log.warning("box %s is lost (%s): %s", seen.box_id, state, operation)
        got = await self._take(project.id, operation, lambda row: row.version != seen.version)
        if isinstance(got, Box):
            return got if self._ready(got, project) else (await self._awake(project))[0]
        async with got:
            if not await self._steps.settle_interrupted(got):
                raise BoxAbsent("The dev container was being deleted.")
            if operation is Operation.RESTART:
                await self.containers.rest(got.row, Tier.STOPPED)
            return await self._steps.up(got, project, start=True)

    async def _recover(self, row: Box) -> bool:
        held = await self.leases.take(row, row.operation or Operation.CREATE)
        if held is None:
            return False
        async with held:
            await self._steps.forward(held, await self._project(row))
            return True

    async def _project(self, row: Box) -> Project:
        for project in await self.store.projects(row.workspace):
            if project.id == row.project_id:
                return project
        raise ProjectNotFound(f"The project of box {row.box_id} is gone.")

    async def _follow(self, project_id: str) -> Box | None:
        row = await self.store.box(project_id)
        if row is None or row.operation:
            return None
        if self._steps.agree(row, await self.containers.look(row)):
            return None
        held = await self.leases.take(row, Operation.FOLLOW)
        if held is None:
            return None
        async with held:
            return await self._steps.follow(held)

    async def _take(
        self, project_id: str, operation: Operation, enough: Callable[[Box], bool]
    ) -> Held | Box:
        return await self.leases.wait(project_id, operation, enough, self._patience)


def _create(start: bool) -> Operation:
    return Operation.CREATE if start else Operation.CREATE_STOPPED
