"""What is done under a lease: container and row together, each step safe to do again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import replace

from vibn.channel import Pool
from vibn.errors import (
    BoxFailed,
    InvalidInput,
    LimitReached,
    NotFound,
    RuntimeUnavailable,
    Unsupported,
    VibnError,
)
from vibn.models import Box, BoxRef, BoxState, Project, RuntimeState, RuntimeStatus, Seed, Tier
from vibn.services.clock import Clock
from vibn.services.environment import Environment
from vibn.services.life.containers import Containers
from vibn.services.life.faults import Effect
from vibn.services.life.hand import AgentHand
from vibn.services.life.lease import Held
from vibn.services.life.operation import Operation
from vibn.services.life.seeding import Seeder
from vibn.services.life.warm import WarmPool

log = logging.getLogger(__name__)


class Steps:
    """Each method leaves the row settled, or raises with the lease left to be taken over."""

    def __init__(
        self,
        containers: Containers,
        clock: Clock,
        pool: Pool,
        warm: WarmPool,
        seeder: Seeder,
        environment: Environment,
    ) -> None:
        self._containers = containers
        self._clock = clock
        self._pool = pool
        self._warm = warm
        self._seeder = seeder
        self._environment = environment

    # coming up

    async def first(self, held: Held, project: Project, start: bool) -> Box:
        """A new box: a warm one if there is one for it, else made now."""
        if start and project.limits is None:
            ready = await self._warm.claim(held.row.image)
            if ready is not None:
                row = replace(held.row, box_id=ready.box_id)
                return await self._woken(held, row, project, ready.service_uuid)
        making = self._containers.create(held.row, project, start)
        return await self._raised(held, project, start, making)

    async def up(self, held: Held, project: Project, start: bool) -> Box:
        """Bring the container up from whatever it is; without ``start``, only make it be there."""
        bringing = self._containers.up(held.row, project, start)
        return await self._raised(held, project, start, bringing)

    async def replace(self, held: Held, project: Project, image: str) -> Box:
        """A new container on ``image``; it runs unless the box slept.

        The row names the new image only once there is a container on it. Where none can be made,
        the old image's is made again, and the error that says why is raised.
        """
        row = held.row
        awake = row.state is not BoxState.SUSPENDED
        await self._drop(row)
        try:
            await self._containers.remove(row)
        except VibnError as error:
            raise await self._failed(held, error) from error
        try:
            handle = await self._containers.create(replace(row, image=image), project, awake)
        except VibnError as error:
            if image == row.image or isinstance(error, RuntimeUnavailable):
                raise await self._failed(held, error) from error
            await self._raised(held, project, awake, self._again(row, project, awake))
            raise _unmoved(error, image, row.image) from error
        await held.keep(replace(row, image=image, service_uuid=handle))
        return await self._raised(held, project, awake, _there(handle))

    async def _again(self, row: Box, project: Project, start: bool) -> str:
        """A container on the row's image, whatever half of another is in its place."""
        await self._containers.remove(row)
        return await self._containers.create(row, project, start)

    async def _raised(
        self, held: Held, project: Project, start: bool, bringing: Awaitable[str]
    ) -> Box:
        try:
            handle = await bringing
            if start:
                return await self._woken(held, held.row, project, handle)
            row = replace(held.row, service_uuid=handle)
            return await held.settle(self._as_is(row, await self._containers.look(row)))
        except VibnError as error:
            if not held.open:
                raise
            raise await self._failed(held, error) from error

    async def _woken(self, held: Held, row: Box, project: Project, handle: str) -> Box:
        row = row.running(self._clock.now(), handle)
        half = held.interrupted == Operation.SEED
        if project.seed is None or (row.seeded and not half):
            return await held.settle(row)
        await held.keep(row, Operation.SEED)
        reason = str(await self._seed_error(held, project, project.seed) or "")
        return await held.settle(replace(held.row, reason=reason))

    async def _failed(self, held: Held, error: VibnError) -> VibnError:
        """Record why; an engine that is away says nothing of a box that was there before."""
        if isinstance(error, RuntimeUnavailable) and held.row.state is not BoxState.PROVISIONING:
            await held.settle(held.row)
            return error
        await held.settle(held.row.failed(error.message))
        if isinstance(error, BoxFailed | RuntimeUnavailable | Unsupported | LimitReached):
            return error
        return BoxFailed(
            f"The dev container could not be started: {error.message}",
            hint=error.hint,
            detail=error.detail,
        )

    # the seed

    async def seed(self, held: Held, project: Project) -> None:
        """Seed a running box, settle, and raise what went wrong."""
        error = project.seed and await self._seed_error(held, project, project.seed)
        await held.settle(replace(held.row, reason=str(error or "")))
        if error:
            raise error

    async def _seed_error(self, held: Held, project: Project, seed: Seed) -> VibnError | None:
        """Seed, and mark the row; what went wrong is no reason not to use the box."""
        row = held.row
        try:
            client = await self._pool.get(BoxRef(row.box_id, row.service_uuid), "vibn")
            hand = AgentHand(client, await self._environment.of(project))
            if not row.seeded:
                await self._seeder.seed(hand, seed)
                seeded = replace(held.row, seeded=True)
                await held.keep(seeded, effect=Effect.MARK_SEEDED)
            await self._seeder.tidy(hand)
        except VibnError as error:
            if not held.open:
                raise
            log.warning("project %s: %s", project.slug, error)
            return error
        return None

    # going down

    async def rest(self, held: Held, tier: Tier) -> Box:
        """Freeze or stop. One that cannot be is left awake, and the error raised."""
        await self._drop(held.row)
        try:
            reached = await self._containers.rest(held.row, tier)
        except VibnError:
            await held.settle(held.row)
            raise
        return await held.settle(held.row.suspended(self._clock.now(), reached))

    async def strip(self, held: Held) -> Box:
        """Remove the container; row and volumes stay for the next ensure."""
        await self._drop(held.row)
        await self._containers.remove(held.row)
        row = held.row.suspended(self._clock.now(), Tier.STOPPED)
        return await held.settle(replace(row, service_uuid=""))

    async def delete(self, held: Held) -> None:
        """Container and volumes, then the row: a row that is gone leaves nothing behind."""
        await self._drop(held.row)
        await self._containers.remove(held.row, volumes=True)
        await held.drop()

    async def _drop(self, row: Box) -> None:
        await self._pool.drop(BoxRef(row.box_id, row.service_uuid))

    # after a crash, and after another's hand

    async def settle_interrupted(self, held: Held) -> bool:
        """What an interrupted operation left half done and the next one must not build on.

        False: it was the deletion, which is finished now; the row is gone.
        """
        if held.interrupted == Operation.DELETE:
            await self.delete(held)
            return False
        if held.interrupted in (Operation.DELETE_CONTAINER, Operation.RECREATE):
            await self._drop(held.row)
            await self._containers.remove(held.row)
        return True

    async def forward(self, held: Held, project: Project) -> None:
        """Finish the operation that a killed control plane had begun."""
        if not await self.settle_interrupted(held):
            return
        meant = held.interrupted
        if meant in (Operation.FREEZE, Operation.STOP):
            await self.rest(held, Tier.FROZEN if meant == Operation.FREEZE else Tier.STOPPED)
        elif meant == Operation.DELETE_CONTAINER:
            await self.strip(held)
        elif meant == Operation.FOLLOW:
            await self.follow(held)
        else:
            slept = meant == Operation.RECREATE and held.row.state is BoxState.SUSPENDED
            await self.up(held, project, start=not (slept or meant == Operation.CREATE_STOPPED))

    async def follow(self, held: Held) -> Box:
        """Write down what the runtime says."""
        row = self._as_is(held.row, await self._containers.look(held.row))
        if row.state is not BoxState.RUNNING:
            await self._drop(row)
        return await held.settle(row)

    def agree(self, row: Box, status: RuntimeStatus) -> bool:
        """Whether row and container say the same."""
        is_ = self._as_is(row, status)
        return (is_.state, is_.tier) == (row.state, row.tier)

    def _as_is(self, row: Box, status: RuntimeStatus) -> Box:
        now = self._clock.now()
        match status.state:
            case RuntimeState.RUNNING | RuntimeState.STARTING:
                return row if row.state is BoxState.RUNNING else row.running(now)
            case RuntimeState.FROZEN:
                return row.suspended(now, Tier.FROZEN)
            case RuntimeState.FAILED:
                return row.failed(status.reason or "The runtime could not start it.")
            case RuntimeState.STOPPED | RuntimeState.ABSENT:
                asleep = row.state is BoxState.SUSPENDED and row.tier is Tier.STOPPED
                if asleep or row.state is BoxState.FAILED:
                    return row
                return row.suspended(now, Tier.STOPPED)


async def _there(handle: str) -> str:
    return handle


def _unmoved(error: VibnError, wanted: str, kept: str) -> VibnError:
    """``error`` of the container on ``wanted``, with the word that the box is well."""
    kind = type(error) if isinstance(error, InvalidInput | NotFound | LimitReached) else BoxFailed
    return kind(
        f"No dev container could be made on the image {wanted}: {error.message}"
        f" It is on {kept} again, with the same files.",
        hint="Check the image's name and that it is on this machine, then recreate it again.",
        detail=error.detail,
    )
