from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from vibn.errors import RuntimeUnavailable
from vibn.models import BoxRef, BoxSpec, BoxState, EventKind, RuntimeEvent, Tier
from vibn.services.life.operation import Operation


@pytest.fixture
def reconciler(world, boxes):
    return world.reconciler(boxes)


@pytest.fixture
async def ref(world, boxes):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"kept")
    row = await world.row()
    return BoxRef(row.box_id, row.service_uuid)


async def kept(boxes) -> bool:
    client = await boxes.agent("acme", "shop")
    return (await client.fs_read("a.txt")).data == b"kept"


async def test_a_pass_over_what_agrees_costs_one_list_and_writes_nothing(world, reconciler, ref):
    world.runtime.calls.clear()
    world.store.calls.clear()
    assert (await reconciler.once()).followed == ()
    assert world.runtime.calls == ["list"]
    assert world.store.calls == ["boxes", "warm"]


@pytest.mark.parametrize("how", ["stop", "remove"])
async def test_a_row_follows_a_container_that_another_hand_took_down(
    world, boxes, reconciler, ref, how
):
    await getattr(world.runtime, how)(ref)
    assert (await reconciler.once()).followed == (ref.box_id,)
    row = await world.row()
    assert (row.state, row.tier) == (BoxState.SUSPENDED, Tier.STOPPED)
    assert await kept(boxes)


async def test_a_row_follows_a_container_that_another_hand_froze(world, boxes, reconciler, ref):
    await world.runtime.freeze(ref)
    await reconciler.once()
    assert (await world.row()).tier is Tier.FROZEN
    assert await kept(boxes)


async def test_a_row_follows_a_container_that_another_hand_started(world, boxes, reconciler, ref):
    await boxes.suspend("acme", "shop")
    await world.runtime.start(ref)
    await reconciler.once()
    assert (await world.row()).state is BoxState.RUNNING
    assert await kept(boxes)


@pytest.mark.parametrize("operation", ["create", "start", "restart", "recreate", "seed"])
async def test_an_interrupted_operation_that_meant_awake_ends_awake(
    world, boxes, reconciler, ref, operation
):
    await world.abandon(operation)
    await world.runtime.stop(ref)
    assert (await reconciler.once()).rolled_forward == (ref.box_id,)
    row = await world.row()
    assert (row.state, row.operation) == (BoxState.RUNNING, "")
    assert await world.containers() == {ref.box_id: "running"}
    assert await kept(boxes)


@pytest.mark.parametrize("operation", ["freeze", "stop", "delete_container"])
async def test_an_interrupted_operation_that_meant_asleep_ends_asleep(
    world, boxes, reconciler, ref, operation
):
    await world.abandon(operation)
    await reconciler.once()
    row = await world.row()
    assert (row.state, row.operation) == (BoxState.SUSPENDED, "")
    assert await kept(boxes)


async def test_an_interrupted_delete_is_finished(world, boxes, reconciler, ref):
    await world.abandon("delete")
    await reconciler.once()
    assert await world.runtime.list() == []
    assert (await boxes.status("acme", "shop")).exists is False


async def test_an_interrupted_delete_is_finished_by_the_next_ensure_too(world, boxes, ref):
    await world.abandon("delete")
    assert (await boxes.ensure("acme", "shop")).created
    assert list(await world.containers()) != [ref.box_id]


async def test_a_held_lease_is_left_alone(world, boxes, reconciler, ref):
    held = await boxes.leases.take(await world.row(), Operation.STOP)
    assert held is not None
    async with held:
        await world.runtime.stop(ref)
        assert (await reconciler.once()).followed == ()
        await held.settle(held.row)


async def test_a_box_that_cannot_be_mended_does_not_stop_the_pass(world, boxes, reconciler, ref):
    await world.projects(boxes).create("acme", "blog")
    await boxes.ensure("acme", "blog")
    for box in await world.runtime.list():
        await world.runtime.stop(box.ref)
    world.runtime.broken["status"] = RuntimeUnavailable("away")
    assert len((await reconciler.once()).failed) == 2
    world.runtime.broken.clear()
    assert len((await reconciler.once()).followed) == 2


async def test_rows_of_another_runtime_are_not_touched(world, reconciler, ref):
    row = await world.row()
    await world.store.save_box(replace(row, runtime="elsewhere"))
    await world.runtime.remove(ref)
    assert (await reconciler.once()).followed == ()


async def test_an_event_of_our_own_doing_costs_no_runtime_call(world, boxes, reconciler, ref):
    await boxes.suspend("acme", "shop")
    await reconciler.once()
    world.runtime.calls.clear()
    await reconciler.handle(RuntimeEvent(EventKind.STOPPED, ref))
    assert world.runtime.calls == []


@pytest.mark.parametrize("kind", [EventKind.DIED, EventKind.REMOVED])
async def test_an_event_of_another_hand_brings_the_row_along(world, reconciler, ref, kind):
    await world.runtime.remove(ref)
    await reconciler.handle(RuntimeEvent(kind, ref))
    assert (await world.row()).state is BoxState.SUSPENDED


async def test_a_gap_in_the_events_leads_to_a_full_pass(world, reconciler, ref):
    await world.runtime.remove(ref)
    await reconciler.handle(RuntimeEvent(EventKind.RESYNC, None))
    assert (await world.row()).state is BoxState.SUSPENDED


async def test_the_loop_acts_on_events_and_ends_when_cancelled(world, reconciler, ref):
    loop = asyncio.create_task(reconciler.run())
    await world.called("list")
    await world.runtime.remove_by_hand(ref.box_id)
    await world.asleep()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


async def test_the_loop_outlives_an_engine_that_is_away(world, reconciler, ref):
    world.runtime.broken["list"] = RuntimeUnavailable("away")
    loop = asyncio.create_task(reconciler.run())
    await world.called("list")
    world.runtime.broken.clear()
    await world.runtime.stop(ref)
    await world.clock.move(60)
    await world.asleep()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def stray(world, box_id="stray") -> BoxRef:
    spec = BoxSpec(box_id, "", "", world.settings.dev_image)
    return BoxRef(box_id, await world.runtime.create(spec))


async def test_an_empty_container_without_a_row_goes_after_its_grace_but_not_its_volumes(
    world, reconciler, ref
):
    await stray(world)
    assert (await reconciler.once()).unknown == ("stray",)
    await world.clock.move(3599)
    assert (await reconciler.once()).removed == ()
    await world.clock.move(1)
    assert (await reconciler.once()).removed == ("stray",)
    assert list(await world.containers()) == [ref.box_id]
    assert {box.ref.box_id for box in await world.runtime.list()} == {ref.box_id, "stray"}


async def test_a_container_without_a_row_that_holds_files_is_never_removed(world, reconciler):
    client = await world.pool.get(await stray(world))
    await client.fs_write("thesis.txt", b"years of work")
    await reconciler.once()
    await world.clock.move(7200)
    assert (await reconciler.once()).unknown == ("stray",)
    assert await world.containers() == {"stray": "running"}


async def test_a_stopped_container_without_a_row_is_never_removed(world, reconciler):
    await world.runtime.stop(await stray(world))
    await reconciler.once()
    await world.clock.move(7200)
    assert (await reconciler.once()).unknown == ("stray",)


async def test_a_storm_of_events_of_a_box_is_answered_with_one_look_at_it(world, boxes):
    await boxes.ensure("acme", "shop")
    row = await world.row()
    ref = BoxRef(row.box_id, row.service_uuid)
    storm = [RuntimeEvent(kind, ref) for kind in (EventKind.OOM, EventKind.DIED)] * 500

    async def watch():
        for event in storm:
            yield event
        await asyncio.Event().wait()

    world.runtime.watch = watch
    world.runtime.gates["list"] = asyncio.Event()  # the full pass stays out of it
    world.runtime.calls.clear()
    running = asyncio.create_task(world.reconciler(boxes).run())
    await world.called("status")
    await asyncio.sleep(0.05)
    assert world.runtime.calls.count("status") <= 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.runtime.gates.clear()


async def test_a_process_that_ran_out_of_memory_costs_nothing(world, boxes):
    await boxes.ensure("acme", "shop")
    row = await world.row()
    world.runtime.calls.clear()
    world.store.calls.clear()
    event = RuntimeEvent(EventKind.OOM, BoxRef(row.box_id, row.service_uuid))
    await world.reconciler(boxes).handle(event)
    assert world.runtime.calls == world.store.calls == []
