"""A small installation: the memory store, the memory runtime, the real channel, a clock by hand."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vibn.channel import AgentClient, Pool
from vibn.config import Settings
from vibn.models import Box, BoxRef, BoxState
from vibn.runtimes.memory import MemoryRuntime
from vibn.services.environment import Environment
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import Faults
from vibn.services.life.reconcile import Reconciler
from vibn.services.life.strays import Strays
from vibn.services.projects import Projects
from vibn.store.memory import MemoryStore

WRITES = {
    "claim", "save_box", "delete_box", "add_warm", "claim_warm", "remove_warm",
    "add_workspace", "add_project", "save_project", "delete_project",
}  # fmt: skip
VERBS = {"create", "start", "stop", "freeze", "thaw", "remove"}


class HandClock:
    """Stands still until ``move``; sleepers wake when their time has come."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        while self._now < until:
            await self._moved.wait()

    async def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()
        for _ in range(20):
            await asyncio.sleep(0)


class Recorder:
    """The real thing behind it; notes each call's name, and can hold or break one by name."""

    def __init__(self, target: object, calls: list[str]) -> None:
        self._target = target
        self.calls = calls
        self.gates: dict[str, asyncio.Event] = {}
        self.broken: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._target, name)
        if not asyncio.iscoroutinefunction(real):
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.gates:
                await self.gates[name].wait()
            if name in self.broken:
                raise self.broken[name]
            return await real(*args, **kwargs)

        return call


class NoSecrets:
    async def values(self, project_id: str) -> dict[str, str]:
        return {}


@dataclass
class World:
    store: Any
    runtime: Any
    pool: Pool
    clock: HandClock
    settings: Settings
    points: list[str] = field(default_factory=list)
    active: list[str] = field(default_factory=list)
    ids: Callable[[], str] = field(
        default_factory=lambda: map("id{}".format, itertools.count()).__next__
    )

    def control_plane(self, options: dict[str, Any] | None = None, **changes: Any) -> Boxes:
        """``options`` go to Boxes, ``changes`` to its settings."""
        return Boxes(
            self.store,
            self.runtime,
            self.pool,
            self.clock,
            self.ids,
            self.settings.model_copy(update=changes),
            Environment(NoSecrets()),
            self.active.append,
            faults=Faults(self.points.append),
            **(options or {}),
        )

    def projects(self, boxes: Boxes) -> Projects:
        return Projects(self.store, boxes, self.clock, self.ids, Faults(self.points.append))

    def reconciler(self, boxes: Boxes, grace: float = 3600.0) -> Reconciler:
        return Reconciler(boxes, Strays(boxes.containers, self.pool, self.clock, grace))

    async def row(self) -> Box:
        row = (await self.store.locate("acme", "shop")).box
        assert row is not None
        return row

    async def called(self, verb: str) -> None:
        """Wait until the runtime is asked for ``verb``."""
        async with asyncio.timeout(20):
            while verb not in self.runtime.calls:
                await asyncio.sleep(0.001)

    async def take_away(self, verb: str, client: AgentClient) -> None:
        """Stop or remove the container behind the services' back, and wait until the channel
        has seen it end."""
        row = await self.row()
        await getattr(self.runtime, verb)(BoxRef(row.box_id, row.service_uuid))
        async with asyncio.timeout(20):
            while not client.closed:
                await asyncio.sleep(0.001)

    async def asleep(self) -> None:
        """Wait until the row says so."""
        async with asyncio.timeout(20):
            while (await self.row()).state is not BoxState.SUSPENDED:
                await asyncio.sleep(0.001)

    async def filled(self, number: int) -> None:
        """Wait until ``number`` warm boxes are ready."""
        async with asyncio.timeout(20):
            while len(await self.store.warm()) < number:
                await asyncio.sleep(0.01)

    async def containers(self) -> dict[str, str]:
        owned = await self.runtime.list()
        return {box.ref.box_id: str(box.state) for box in owned if box.has_container}

    async def abandon(self, operation: str, **changes: Any) -> Box:
        """The row as a killed control plane leaves it: an operation begun, its lease run out."""
        row = replace(await self.row(), **changes)
        past = self.clock.now() - timedelta(seconds=1)
        saved = await self.store.save_box(row.leased(operation, "killed", past))
        assert saved is not None
        return saved


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    calls: list[str] = []
    store = MemoryStore()
    runtime = Recorder(MemoryRuntime(tmp_path), calls)
    pool = Pool(runtime.connect)
    made = World(Recorder(store, []), runtime, pool, HandClock(), Settings(state_dir=tmp_path))
    boxes = made.control_plane()
    await made.projects(boxes).ensure("acme", "shop")
    yield made
    await pool.close()
    for box in await runtime.list():
        await runtime.remove(box.ref, volumes=True)
    await runtime.close()


@pytest.fixture
def boxes(world: World) -> Boxes:
    return world.control_plane()
