"""What every verb promises besides the states: repeated, cancelled, raced, meant for another."""

from __future__ import annotations

import asyncio

import pytest

from vibn.errors import AgentLost, BoxAbsent, Unsupported
from vibn.models import BoxRef, RuntimeState, Severity


async def test_every_verb_may_be_repeated(place):
    spec = place.spec()
    ref = BoxRef(spec.box_id, await place.runtime.create(spec))
    assert await place.runtime.create(spec) == ref.handle
    for verb in ("start", "freeze", "thaw", "stop"):
        await getattr(place.runtime, verb)(ref)
        await getattr(place.runtime, verb)(ref)
    for volumes in (False, False, True, True):
        await place.runtime.remove(ref, volumes=volumes)


async def test_many_creates_at_once_make_one_box(place):
    spec = place.spec()
    handles = await asyncio.gather(*(place.runtime.create(spec) for _ in range(5)))
    assert len(set(handles)) == 1
    assert len(await place.runtime.list()) == 1


@pytest.mark.parametrize("after", [0.0, 0.005, 0.02, 0.05])
async def test_a_cancelled_create_can_be_repeated(place, after):
    spec = place.spec()
    task = asyncio.create_task(place.runtime.create(spec))
    await asyncio.sleep(after)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    ref = BoxRef(spec.box_id, await place.runtime.create(spec))
    await place.runtime.start(ref)
    assert await place.run(ref, "echo up") == "up\n"


async def test_a_cancelled_stop_can_be_repeated(place):
    ref = await place.make()
    task = asyncio.create_task(place.runtime.stop(ref, grace=1))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await place.runtime.stop(ref, grace=1)
    assert (await place.status(ref)).state is RuntimeState.STOPPED


async def test_remove_keeps_the_volumes_and_create_takes_them_up(place):
    ref = await place.make()
    await place.run(ref, "echo kept > file")
    await place.runtime.remove(ref)
    (left,) = await place.runtime.list()
    assert (left.ref.box_id, left.has_container) == (ref.box_id, False)
    again = await place.make(ref.box_id)
    assert again.handle != ref.handle
    assert await place.run(again, "cat file") == "kept\n"


async def test_remove_with_volumes_leaves_nothing(place):
    ref = await place.make()
    await place.run(ref, "mkdir -p a/b && chmod 0 a/b")
    await place.runtime.remove(ref, volumes=True)
    assert list(await place.runtime.list()) == []


async def test_list_tells_the_state_of_each(place):
    running, stopped = await place.make(), await place.make(start=False)
    found = {box.ref: box for box in await place.runtime.list()}
    assert found[running].state is RuntimeState.RUNNING
    assert found[stopped].state is RuntimeState.STOPPED
    assert found[running].image == place.image
    assert found[running].has_container


async def test_connect_reaches_no_box_of_another_handle(place):
    ref, other = await place.make(), await place.make()
    with pytest.raises(BoxAbsent):
        await place.runtime.connect(BoxRef(ref.box_id, other.handle))


async def test_connect_reaches_no_box_of_another_installation(place):
    place.skip_unless_boxes_outlive()
    ref = await place.make()
    foreign = await place.again("another")
    assert (await foreign.status(ref)).state is RuntimeState.ABSENT
    assert list(await foreign.list()) == []
    with pytest.raises(BoxAbsent):
        await foreign.connect(ref)
    await foreign.remove(ref, volumes=True)
    assert (await place.status(ref)).state is RuntimeState.RUNNING


async def test_connect_to_a_resting_box_is_agent_lost(place):
    ref = await place.make()
    await place.runtime.freeze(ref)
    with pytest.raises(AgentLost):
        await place.runtime.connect(ref)
    await place.runtime.stop(ref, grace=1)
    with pytest.raises(AgentLost):
        await place.runtime.connect(ref)


async def test_root_is_served_or_refused_as_declared(place):
    ref = await place.make()
    if not place.runtime.capabilities.root:
        with pytest.raises(Unsupported):
            await place.runtime.connect(ref, "root")
        return
    async with place.agent(ref, "root") as client:
        assert (await client.exec("id -u")).stdout == b"0\n"


async def test_commands_know_where_they_are(place):
    ref = await place.make(env={"COLOUR": "green blue"})
    told = await place.run(ref, 'echo "$VIBN_PROJECT_SLUG $VIBN_DEV_CONTAINER $COLOUR"')
    assert told == "shop 1 green blue\n"


async def test_an_address_leads_to_a_port_inside(place):
    ref = await place.make()
    await place.run(ref, "(python3 -m http.server 8123 >/dev/null 2>&1 &) ; sleep 1")
    address = await place.runtime.address(ref, 8123)
    assert (address is not None) == place.runtime.capabilities.address
    if address is None:
        return
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 200")
    writer.close()


async def test_check_gives_each_finding_its_fix(place):
    found = await place.runtime.check()
    assert found
    for finding in found:
        assert finding.subject
        assert finding.severity is Severity.OK or finding.fix, finding
