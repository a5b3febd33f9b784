from __future__ import annotations

import asyncio

import pytest

from vibn.errors import BoxBusy, StoreUnavailable
from vibn.models import BoxState


@pytest.fixture
async def row(world, boxes):
    await boxes.ensure("acme", "shop")
    return await world.row()


async def test_of_many_takers_of_one_row_one_gets_the_lease(world, row):
    planes = [world.control_plane() for _ in range(10)]
    taken = await asyncio.gather(*[plane.leases.take(row, "stop") for plane in planes])
    assert sum(held is not None for held in taken) == 1


async def test_a_lease_is_renewed_while_its_operation_runs(world, boxes, row):
    held = await boxes.leases.take(row, "stop")
    async with held:
        for _ in range(10):
            await world.clock.move(10)
        assert boxes.leases.active(await world.row())
        await held.settle(held.row)
    assert (await world.row()).operation == ""


async def test_an_expired_lease_is_taken_over_and_tells_what_was_meant(world, boxes, row):
    dead = await boxes.leases.take(row, "recreate")
    assert dead is not None
    assert await boxes.leases.take(await world.row(), "start") is None
    await world.clock.move(31)
    heir = await world.control_plane().leases.take(await world.row(), "start")
    assert heir is not None
    assert heir.interrupted == "recreate"


async def test_an_operation_that_raises_ends_its_lease_and_leaves_its_name(world, boxes, row):
    with pytest.raises(RuntimeError):
        async with await boxes.leases.take(row, "stop"):
            raise RuntimeError("broken off")
    left = await world.row()
    assert left.operation == "stop"
    assert not boxes.leases.active(left)


async def test_who_lost_the_lease_is_stopped_and_cannot_write(world, boxes, row):
    async def slow(held):
        async with held:
            await asyncio.Event().wait()

    working = asyncio.create_task(slow(await boxes.leases.take(row, "stop")))
    await world.clock.move(1)
    thief = await world.row()
    assert await world.store.save_box(thief.leased("delete", "thief", thief.operation_until))
    await world.clock.move(10)
    with pytest.raises(BoxBusy):
        await working
    assert (await world.row()).operation_owner == "thief"


async def test_a_settle_after_the_row_changed_hands_is_refused(world, boxes, row):
    held = await boxes.leases.take(row, "stop")
    thief = await world.row()
    await world.store.save_box(thief.leased("delete", "thief", thief.operation_until))
    with pytest.raises(BoxBusy):
        async with held:
            await held.settle(held.row)
    assert (await world.row()).operation == "delete"


async def test_a_store_that_is_away_for_a_moment_does_not_cost_the_lease(world, boxes, row):
    held = await boxes.leases.take(row, "stop")
    async with held:
        world.store.broken["save_box"] = StoreUnavailable("away")
        await world.clock.move(10)
        world.store.broken.clear()
        await world.clock.move(10)
        assert boxes.leases.active(await world.row())
        assert (await held.settle(held.row)).state is BoxState.RUNNING


async def _left_while_it_is_renewed(world, held, body=lambda: None):
    """Leave ``held`` while a renewal is under way that ends with the row in other hands, even when
    it is cancelled."""

    async def stubborn(_row):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    world.store.save_box = stubborn
    async with held:
        await world.clock.move(1)
        await world.clock.move(10)
        body()


async def test_a_lease_lost_at_the_very_end_is_told_as_busy_and_leaves_no_cancellation(
    world, boxes, row
):
    with pytest.raises(BoxBusy, match="took this dev container over"):
        await _left_while_it_is_renewed(world, await boxes.leases.take(row, "stop"))
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_cancellation_of_the_caller_goes_on_when_the_lease_is_lost_as_well(
    world, boxes, row
):
    held = await boxes.leases.take(row, "stop")
    leaving = asyncio.create_task(
        _left_while_it_is_renewed(world, held, lambda: leaving.cancel() and None)
    )
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_cancellation_that_comes_while_it_leaves_still_ends_the_lease(world, boxes, row):
    async def work(held):
        async with held:
            asyncio.current_task().cancel()

    working = asyncio.create_task(work(await boxes.leases.take(row, "stop")))
    with pytest.raises(asyncio.CancelledError):
        await working
    left = await world.row()
    assert (left.operation, boxes.leases.active(left)) == ("stop", False)
