"""Activity is gathered, written in batches, and not lost at a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from vibn.errors import StoreUnavailable
from vibn.models import Box, BoxState, Project, Workspace
from vibn.services.activity import Activity
from vibn.store.memory import MemoryStore

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class HandClock:
    """Time moves when a test says so."""

    def __init__(self) -> None:
        self.at = NOW
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        due, woken = self.at + timedelta(seconds=seconds), asyncio.Event()
        self._sleepers.append((due, woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        await settled()
        self.at += timedelta(seconds=seconds)
        for due, woken in self._sleepers:
            if due <= self.at:
                woken.set()
        await settled()


class Counting(MemoryStore):
    """The memory store, which also keeps the batches that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[dict[str, datetime]] = []

    async def touch(self, activity: Mapping[str, datetime]) -> None:
        await super().touch(activity)
        self.batches.append(dict(activity))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def store() -> Counting:
    store = Counting()
    await store.add_workspace(Workspace("w", "acme", "Acme", NOW))
    for name in ("a", "b"):
        await store.add_project(Project(name, "acme", name, name, NOW))
        await store.claim(Box(name, "acme", name, "", "i", BoxState.RUNNING, NOW, NOW))
    return store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_many_calls_become_one_write(store: Counting, clock: HandClock) -> None:
    async with Activity(store, clock, every=5) as activity:
        for n in range(100):
            activity.touch("a", later(n % 7))
        activity.touch("b", later(3))
        assert store.batches == []
        await clock.move(5)
        assert store.batches == [{"a": later(6), "b": later(3)}]
        await clock.move(5)
    assert len(store.batches) == 1


async def test_a_note_is_activity_now(store: Counting, clock: HandClock) -> None:
    async with Activity(store, clock) as activity:
        await clock.move(42)
        activity.note("a")
    row = await store.box("a")
    assert row is not None
    assert row.last_active_at == later(42)


async def test_closing_writes_the_rest_once(store: Counting, clock: HandClock) -> None:
    activity = Activity(store, clock)
    activity.touch("a", later(1))
    await activity.close()
    await activity.close()
    assert store.batches == [{"a": later(1)}]


async def test_what_comes_after_the_close_is_dropped(store: Counting, clock: HandClock) -> None:
    activity = Activity(store, clock)
    await activity.close()
    activity.touch("a", later(1))
    await clock.move(60)
    assert store.batches == []


async def test_nothing_is_lost_while_the_store_is_away(store: Counting, clock: HandClock) -> None:
    async with Activity(store, clock, every=5) as activity:
        activity.touch("a", later(1))
        store.away = True
        await clock.move(5)
        activity.touch("b", later(2))
        await clock.move(5)
        store.away = False
        await clock.move(5)
        assert store.batches == [{"a": later(1), "b": later(2)}]


async def test_a_flush_that_fails_keeps_the_later_of_two_times(
    store: Counting, clock: HandClock
) -> None:
    activity = Activity(store, clock)
    activity.touch("a", later(2))
    store.away = True
    with pytest.raises(StoreUnavailable):
        await activity.flush()
    activity.touch("a", later(1))
    store.away = False
    await activity.close()
    assert store.batches == [{"a": later(2)}]


async def test_a_full_batch_is_written_at_once(store: Counting, clock: HandClock) -> None:
    async with Activity(store, clock, every=5, most=3) as activity:
        for name in ("a", "b", "c"):
            activity.touch(name, later(1))
        await settled()
        assert [set(batch) for batch in store.batches] == [{"a", "b", "c"}]


async def test_an_absent_store_costs_the_oldest_activity_at_most(
    store: Counting, clock: HandClock
) -> None:
    store.away = True
    async with Activity(store, clock, every=5, most=10) as activity:
        for n in range(1000):
            activity.touch(f"p{n}", later(n))
        await clock.move(5)
        store.away = False
    assert len(store.batches[0]) <= 10
    assert store.batches[0]["p999"] == later(999)


async def test_closing_with_the_store_away_tells_the_loss(
    store: Counting, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    activity = Activity(store, clock)
    activity.touch("a", later(1))
    store.away = True
    await activity.close()
    assert "activity of 1 boxes is lost" in caplog.text


async def test_closing_leaves_no_task(store: Counting, clock: HandClock) -> None:
    before = asyncio.all_tasks()
    activity = Activity(store, clock)
    activity.touch("a", later(1))
    await settled()
    await activity.close()
    await settled()
    assert asyncio.all_tasks() == before
