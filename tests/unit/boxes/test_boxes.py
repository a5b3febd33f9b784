from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from vibn.errors import (
    AgentLost,
    BoxAbsent,
    BoxBusy,
    BoxFailed,
    ProjectNotFound,
    RuntimeUnavailable,
)
from vibn.models import BoxState, Tier
from vibn.services.life.containers import Deadlines


async def test_the_first_ensure_makes_a_box_and_the_next_finds_it(world, boxes):
    first = await boxes.ensure("acme", "shop")
    again = await boxes.ensure("acme", "shop")
    assert (first.state, first.created) == (BoxState.RUNNING, True)
    assert (again.state, again.created) == (BoxState.RUNNING, False)
    assert again.service_uuid == first.service_uuid
    assert world.runtime.calls.count("create") == 1


async def test_ensure_of_a_running_box_costs_one_select_and_no_runtime_call(world, boxes):
    await boxes.ensure("acme", "shop")
    world.runtime.calls.clear()
    world.store.calls.clear()
    await boxes.ensure("acme", "shop")
    assert world.store.calls == ["locate"]
    assert world.runtime.calls == []


async def test_fifty_callers_at_once_make_one_box_and_one_of_them_made_it(world, boxes):
    results = await asyncio.gather(*[boxes.ensure("acme", "shop") for _ in range(50)])
    assert world.runtime.calls.count("create") == 1
    assert sum(result.created for result in results) == 1
    assert {result.service_uuid for result in results} == {(await world.row()).service_uuid}


async def test_ensure_without_start_makes_a_stopped_box_and_leaves_one_alone(world, boxes):
    made = await boxes.ensure("acme", "shop", start=False)
    assert (made.state, made.created) == (BoxState.SUSPENDED, True)
    assert list((await world.containers()).values()) == ["stopped"]
    again = await boxes.ensure("acme", "shop", start=False)
    assert (again.state, again.created) == (BoxState.SUSPENDED, False)
    assert (await boxes.ensure("acme", "shop")).state is BoxState.RUNNING


async def test_an_unknown_project_is_not_found_by_any_verb(boxes):
    for verb in (boxes.ensure, boxes.status, boxes.suspend, boxes.resume, boxes.recreate):
        with pytest.raises(ProjectNotFound):
            await verb("acme", "nothing")


async def test_a_box_of_another_workspace_is_as_missing_as_one_that_never_was(world, boxes):
    await boxes.ensure("acme", "shop")
    await world.projects(boxes).create_workspace("rival")
    with pytest.raises(ProjectNotFound) as foreign:
        await boxes.ensure("rival", "shop")
    with pytest.raises(ProjectNotFound) as missing:
        await boxes.ensure("rival", "nothing")
    assert foreign.value.message.replace("shop", "nothing") == missing.value.message


@pytest.mark.parametrize("tier", list(Tier))
async def test_a_suspended_box_is_resumed_by_ensure_with_its_files(world, boxes, tier):
    await boxes.ensure("acme", "shop")
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"kept")
    asleep = await boxes.suspend("acme", "shop", tier)
    assert (asleep.state, asleep.tier) == (BoxState.SUSPENDED, tier)
    awake = await boxes.ensure("acme", "shop")
    assert (awake.state, awake.created) == (BoxState.RUNNING, False)
    client = await boxes.agent("acme", "shop")
    assert (await client.fs_read("a.txt")).data == b"kept"


async def test_suspending_again_or_less_deep_changes_nothing(world, boxes):
    await boxes.ensure("acme", "shop")
    await boxes.suspend("acme", "shop", Tier.STOPPED)
    world.runtime.calls.clear()
    assert (await boxes.suspend("acme", "shop", Tier.FROZEN)).tier is Tier.STOPPED
    assert (await boxes.suspend("acme", "shop", Tier.STOPPED)).tier is Tier.STOPPED
    assert world.runtime.calls == []


async def test_a_frozen_box_can_be_stopped(world, boxes):
    await boxes.ensure("acme", "shop")
    await boxes.suspend("acme", "shop", Tier.FROZEN)
    assert (await boxes.suspend("acme", "shop", Tier.STOPPED)).tier is Tier.STOPPED
    assert list((await world.containers()).values()) == ["stopped"]


async def test_verbs_without_a_box(boxes):
    assert (await boxes.suspend("acme", "shop")).state is BoxState.ABSENT
    await boxes.delete("acme", "shop", volumes=True)
    with pytest.raises(BoxAbsent):
        await boxes.resume("acme", "shop")
    with pytest.raises(BoxAbsent):
        await boxes.recreate("acme", "shop")


async def test_status_asks_the_runtime_only_for_a_live_look(world, boxes):
    assert (await boxes.status("acme", "shop")).exists is False
    await boxes.ensure("acme", "shop")
    world.runtime.calls.clear()
    assert (await boxes.status("acme", "shop")).line == "Your environment is ready."
    assert world.runtime.calls == []
    live = (await boxes.status("acme", "shop", live=True)).live
    assert live is not None
    assert live.state == "running"


async def test_status_says_that_it_is_spinning_up_while_it_is(world, boxes):
    world.runtime.gates["create"] = gate = asyncio.Event()
    making = asyncio.create_task(boxes.ensure("acme", "shop"))
    await world.called("create")
    status = await boxes.status("acme", "shop")
    assert (status.state, status.line) == (
        BoxState.PROVISIONING,
        "Spinning up your environment…",
    )
    gate.set()
    assert (await making).created


async def test_deleting_the_container_keeps_the_files_for_the_next_ensure(world, boxes):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"kept")
    await boxes.delete("acme", "shop", volumes=False)
    assert await world.containers() == {}
    client = await boxes.agent("acme", "shop")
    assert (await client.fs_read("a.txt")).data == b"kept"


async def test_deleting_the_box_removes_its_files_and_its_row(world, boxes):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"gone")
    await boxes.delete("acme", "shop", volumes=True)
    assert await world.runtime.list() == []
    assert (await boxes.status("acme", "shop")).exists is False
    assert (await boxes.ensure("acme", "shop")).created


async def test_recreate_moves_to_another_image_with_the_files(world, boxes):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"kept")
    before = (await world.row()).box_id
    await boxes.recreate("acme", "shop", "vibn-dev:next")
    row = await world.row()
    assert (row.image, row.box_id, row.state) == ("vibn-dev:next", before, BoxState.RUNNING)
    assert [box.image for box in await world.runtime.list()] == ["vibn-dev:next"]
    client = await boxes.agent("acme", "shop")
    assert (await client.fs_read("a.txt")).data == b"kept"


@pytest.fixture
def no_image(world, monkeypatch):
    """The image that is not there: the container on it is made, but does not start."""
    real = world.runtime.create

    async def create(spec):
        if spec.image != "vibn-dev:typo":
            return await real(spec)
        await real(replace(spec, start=False))
        raise BoxFailed("No such image.")

    monkeypatch.setattr(world.runtime, "create", create, raising=False)
    return "vibn-dev:typo"


@pytest.mark.parametrize("begin", [BoxState.RUNNING, BoxState.SUSPENDED])
async def test_recreate_on_an_image_that_is_not_there_leaves_the_box_on_the_old_one(
    world, boxes, no_image, begin
):
    await (await boxes.agent("acme", "shop")).fs_write("a.txt", b"kept")
    if begin is BoxState.SUSPENDED:
        await boxes.suspend("acme", "shop")
    old = (await world.row()).image
    with pytest.raises(BoxFailed, match=f"vibn-dev:typo: No such image.*{old} again"):
        await boxes.recreate("acme", "shop", no_image)
    row = await world.row()
    assert (row.image, row.state, row.operation) == (old, begin, "")
    assert [box.image for box in await world.runtime.list()] == [old]
    assert (await (await boxes.agent("acme", "shop")).fs_read("a.txt")).data == b"kept"


async def test_while_it_is_recreated_the_row_names_the_image_to_go_back_to(world, boxes):
    await boxes.ensure("acme", "shop")
    old = (await world.row()).image
    world.runtime.calls.clear()
    world.runtime.gates["create"] = gate = asyncio.Event()
    moving = asyncio.create_task(boxes.recreate("acme", "shop", "vibn-dev:next"))
    await world.called("create")
    assert ((await world.row()).image, (await world.row()).operation) == (old, "recreate")
    gate.set()
    await moving
    assert (await world.row()).image == "vibn-dev:next"


async def test_recreate_while_the_engine_is_away_keeps_the_old_image(world, boxes):
    await boxes.ensure("acme", "shop")
    old = (await world.row()).image
    world.runtime.broken["create"] = RuntimeUnavailable("away")
    with pytest.raises(RuntimeUnavailable):
        await boxes.recreate("acme", "shop", "vibn-dev:next")
    world.runtime.broken.clear()
    assert (await (await boxes.agent("acme", "shop")).exec("true")).exit == 0
    assert [box.image for box in await world.runtime.list()] == [old]


async def test_recreate_leaves_a_sleeping_box_asleep(world, boxes):
    await boxes.ensure("acme", "shop")
    await boxes.suspend("acme", "shop")
    await boxes.recreate("acme", "shop", "vibn-dev:next")
    assert (await world.row()).state is BoxState.SUSPENDED
    assert list((await world.containers()).values()) == ["stopped"]


async def test_the_way_in_makes_the_box_and_records_activity(world, boxes):
    inside = await boxes.enter("acme", "shop")
    assert (await inside.client.exec("echo $((6 * 7))")).stdout == b"42\n"
    assert inside.project.slug == "shop"
    assert world.active == [inside.box.project_id]


async def test_the_warm_way_in_makes_no_runtime_call_and_one_select(world, boxes):
    await boxes.agent("acme", "shop")
    world.runtime.calls.clear()
    world.store.calls.clear()
    await boxes.agent("acme", "shop")
    assert world.runtime.calls == []
    assert world.store.calls == ["locate"]


@pytest.mark.parametrize("how", ["stop", "remove"])
async def test_a_box_that_another_hand_took_away_comes_back_on_the_next_call(world, boxes, how):
    client = await boxes.agent("acme", "shop")
    await client.fs_write("a.txt", b"kept")
    await world.take_away(how, client)
    client = await boxes.agent("acme", "shop")
    assert (await client.fs_read("a.txt")).data == b"kept"
    assert (await world.row()).state is BoxState.RUNNING


async def test_many_callers_heal_a_lost_box_once(world, boxes):
    await world.take_away("remove", await boxes.agent("acme", "shop"))
    world.runtime.calls.clear()
    await asyncio.gather(*[boxes.agent("acme", "shop") for _ in range(20)])
    assert world.runtime.calls.count("create") == 1


async def test_a_create_that_fails_is_told_and_tried_again(world, boxes):
    world.runtime.broken["create"] = BoxFailed("No such image: vibn-dev:latest.")
    with pytest.raises(BoxFailed, match="No such image") as failure:
        await boxes.ensure("acme", "shop")
    assert failure.value.hint
    status = await boxes.status("acme", "shop")
    assert (status.state, status.reason) == (BoxState.FAILED, "No such image: vibn-dev:latest.")
    world.runtime.broken.clear()
    assert (await boxes.ensure("acme", "shop")).state is BoxState.RUNNING


async def test_an_engine_that_is_away_does_not_make_a_sleeping_box_failed(world, boxes):
    await boxes.ensure("acme", "shop")
    await boxes.suspend("acme", "shop")
    world.runtime.broken["status"] = RuntimeUnavailable("The engine does not answer.")
    with pytest.raises(RuntimeUnavailable):
        await boxes.ensure("acme", "shop")
    assert (await world.row()).state is BoxState.SUSPENDED
    world.runtime.broken.clear()
    assert (await boxes.ensure("acme", "shop")).state is BoxState.RUNNING


async def test_a_suspend_that_fails_leaves_the_box_awake_and_free(world, boxes):
    await boxes.ensure("acme", "shop")
    world.runtime.broken["stop"] = RuntimeUnavailable("The engine does not answer.")
    with pytest.raises(RuntimeUnavailable):
        await boxes.suspend("acme", "shop")
    row = await world.row()
    assert (row.state, row.operation) == (BoxState.RUNNING, "")


async def test_cancelling_one_waiter_leaves_the_others_their_box(world, boxes):
    world.runtime.gates["create"] = gate = asyncio.Event()
    first, second = (asyncio.create_task(boxes.ensure("acme", "shop")) for _ in range(2))
    await world.called("create")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.set()
    assert (await second).state is BoxState.RUNNING
    assert first.cancelled()


async def test_cancelling_the_only_waiter_leaves_no_half_state(world, boxes):
    world.runtime.gates["create"] = gate = asyncio.Event()
    only = asyncio.create_task(boxes.ensure("acme", "shop"))
    await world.called("create")
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    gate.set()
    await boxes.close()
    row = await world.row()
    assert (row.state, row.operation) == (BoxState.RUNNING, "")


async def test_a_box_that_another_control_plane_holds_is_busy_after_a_while(world, boxes):
    await boxes.ensure("acme", "shop")
    held = await boxes.leases.take(await world.row(), "stop")
    assert held is not None
    async with held:
        waiting = asyncio.create_task(world.control_plane().ensure("acme", "shop"))
        while not waiting.done():
            await world.clock.move(5)
        with pytest.raises(BoxBusy):
            await waiting
        await held.settle(held.row)


async def test_a_caller_that_waited_too_long_is_told_so_and_the_work_goes_on(world):
    boxes = world.control_plane({"patience": 0.01})
    world.runtime.gates["create"] = gate = asyncio.Event()
    with pytest.raises(BoxBusy, match="not ready within"):
        await boxes.ensure("acme", "shop")
    gate.set()
    await boxes.close()
    assert (await world.row()).state is BoxState.RUNNING


async def test_a_runtime_that_hangs_is_cut_off_and_the_next_ensure_tries_again(world):
    boxes = world.control_plane({"deadlines": Deadlines(create=0.01)})
    world.runtime.gates["create"] = asyncio.Event()
    with pytest.raises(BoxFailed, match="did not finish create"):
        await boxes.ensure("acme", "shop")
    assert (await world.row()).state is BoxState.FAILED
    world.runtime.gates.clear()
    assert (await boxes.ensure("acme", "shop")).state is BoxState.RUNNING


@pytest.mark.parametrize(("lost", "restarts"), [(1, 0), (2, 1)])
async def test_a_box_whose_agent_does_not_answer_twice_is_restarted(world, boxes, lost, restarts):
    await boxes.ensure("acme", "shop")
    world.runtime.fail_next("connect", AgentLost("Nothing answers."), times=lost)
    client = await boxes.agent("acme", "shop")
    assert (await client.exec("echo up")).stdout == b"up\n"
    assert world.runtime.calls.count("stop") == restarts


async def test_an_agent_that_stays_away_is_an_error_that_may_be_tried_again(world, boxes):
    await boxes.ensure("acme", "shop")
    world.runtime.fail_next("connect", AgentLost("Nothing answers."), times=3)
    with pytest.raises(AgentLost) as lost:
        await boxes.agent("acme", "shop")
    assert lost.value.retryable
    row = await world.row()
    assert (row.state, row.operation) == (BoxState.RUNNING, "")
