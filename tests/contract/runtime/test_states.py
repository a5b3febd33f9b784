"""The state table of runtimes/base.py, row by row."""

from __future__ import annotations

import pytest

from vibn.errors import BoxAbsent, Conflict
from vibn.models import BoxRef, RuntimeState


async def test_a_box_that_was_never_made_is_absent(place):
    status = await place.status(BoxRef("never", ""))
    assert status.state is RuntimeState.ABSENT


@pytest.mark.parametrize("verb", ["start", "stop", "freeze", "thaw", "connect"])
async def test_verbs_of_an_absent_box_say_so(place, verb):
    with pytest.raises(BoxAbsent):
        await getattr(place.runtime, verb)(BoxRef("never", "none"))


async def test_create_starts_it_and_its_agent_answers(place):
    ref = await place.make()
    assert (await place.status(ref)).state is RuntimeState.RUNNING
    assert await place.run(ref, "echo hello") == "hello\n"


async def test_create_without_start_gives_a_stopped_box(place):
    ref = await place.make(start=False)
    assert (await place.status(ref)).state is RuntimeState.STOPPED
    await place.runtime.start(ref)
    assert (await place.status(ref)).state is RuntimeState.RUNNING
    assert await place.run(ref, "pwd") != ""


async def test_a_stopped_box_keeps_its_files(place):
    ref = await place.make()
    await place.run(ref, "echo kept > file")
    await place.runtime.stop(ref, grace=1)
    assert (await place.status(ref)).state is RuntimeState.STOPPED
    await place.runtime.start(ref)
    assert await place.run(ref, "cat file") == "kept\n"


async def test_stop_ends_what_runs_inside(place):
    ref = await place.make()
    beating = "(while :; do date +%s%N > beat; sleep 0.02; done) >/dev/null 2>&1 &"
    await place.run(ref, beating + " until [ -s beat ]; do sleep 0.01; done")
    await place.runtime.stop(ref, grace=1)
    await place.runtime.start(ref)
    first, second = (await place.run(ref, "cat beat; echo -; sleep 0.2; cat beat")).split("-")
    assert first.strip() == second.strip()


async def test_a_frozen_box_stands_still_and_thaw_lets_it_go_on(place):
    ref = await place.make()
    async with place.agent(ref) as client:
        job = await client.job_start("while :; do echo x; sleep 0.01; done")
        await place.runtime.freeze(ref)
        assert (await place.status(ref)).state is RuntimeState.FROZEN
        await place.runtime.thaw(ref)
        assert (await place.status(ref)).state is RuntimeState.RUNNING
        size = (await client.job_read(job.id)).job.size
        assert (await client.job_read(job.id, offset=size, wait=10)).next > size


async def test_start_of_a_frozen_box_thaws_it(place):
    ref = await place.make()
    await place.runtime.freeze(ref)
    await place.runtime.start(ref)
    assert (await place.status(ref)).state is RuntimeState.RUNNING
    assert await place.run(ref, "echo awake") == "awake\n"


async def test_a_frozen_box_can_be_stopped(place):
    ref = await place.make()
    await place.run(ref, "echo kept > file")
    await place.runtime.freeze(ref)
    await place.runtime.stop(ref, grace=1)
    assert (await place.status(ref)).state is RuntimeState.STOPPED


async def test_a_stopped_box_cannot_be_frozen(place):
    ref = await place.make(start=False)
    with pytest.raises(Conflict):
        await place.runtime.freeze(ref)


async def test_a_removed_box_is_absent(place):
    ref = await place.make()
    await place.runtime.remove(ref)
    assert (await place.status(ref)).state is RuntimeState.ABSENT
    with pytest.raises(BoxAbsent):
        await place.runtime.connect(ref)


async def test_boxes_outlive_the_control_plane(place):
    place.skip_unless_boxes_outlive()
    ref = await place.make()
    async with place.agent(ref) as client:
        boot = client.hello.boot
    await place.runtime.close()
    place.runtime = await place.again()
    assert (await place.status(ref)).state is RuntimeState.RUNNING
    async with place.agent(ref) as client:
        assert client.hello.boot == boot
