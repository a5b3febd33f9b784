"""An audit trail over the store in memory, with a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vibn.services.audit import Audit, Entry
from vibn.store.memory import MemoryStore

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "at": NOW,
        "request": "r1",
        "surface": "mcp",
        "token": "t1",
        "workspace": "acme",
        "project": "shop",
        "tool": "fs_read",
        "arguments": "abc",
        "paths": ("src/a.py",),
        "ms": 1.5,
        "received": 10,
        "sent": 20,
    }
    return Entry(**(values | changes))


class HandClock:
    """Stands still until ``move``; sleepers wake when their time has come."""

    def __init__(self) -> None:
        self._now = NOW
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        while self._now < until:
            await self._moved.wait()

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()


@dataclass
class World:
    """One state directory and one store; ``audit`` is a process's part of them."""

    state: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: HandClock = field(default_factory=HandClock)

    def audit(self, **options: Any) -> Audit:
        return Audit(self.store.trail, self.state, self.clock, **options)

    async def rows(self) -> list[Any]:
        return list(reversed(await self.store.trail.recent(limit=10_000)))

    async def stored(self, number: int) -> None:
        """Wait until the store has so many rows."""
        async with asyncio.timeout(20):
            while len(await self.rows()) < number:
                await asyncio.sleep(0.001)
                self.clock.move(1)

    def left(self) -> list[str]:
        """What lies in the spools."""
        spools = self.state / "audit" / "spool"
        return sorted(path.name for path in spools.rglob("*.*"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def audit(world: World) -> AsyncIterator[Audit]:
    async with world.audit() as audit:
        yield audit
