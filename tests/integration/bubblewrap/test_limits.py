"""Limits without cgroups, and how out of memory is told with them."""

from __future__ import annotations

import pytest

from vibn.models import RuntimeState

HOG = "python3 -c 'x = bytearray(600 << 20)'"


@pytest.fixture
async def bare(boxes):
    return boxes.runtime(hierarchies=None)


async def test_without_cgroups_rlimits_hold_what_they_can(boxes, bare):
    ref = await boxes.make(bare)
    status = await bare.status(ref)
    assert status.limits_by == "rlimits"
    assert set(status.unapplied) >= {"memory", "cpus", "disk"}
    assert (await boxes.run(bare, ref, HOG)).exit == 1


async def test_without_cgroups_processes_are_limited(boxes, bare):
    ref = await boxes.make(bare)
    if "pids" in (await bare.status(ref)).unapplied:
        pytest.skip("this kernel counts a user's processes over all boxes")
    result = await boxes.run(bare, ref, "for i in $(seq 300); do sleep 5 & done")
    assert b"fork" in result.stderr.lower()
    assert await boxes.told(bare, ref, "echo alive") == "alive"


async def test_without_a_freezer_every_process_is_stopped(boxes, bare):
    ref = await boxes.make(bare)
    async with boxes.agent(bare, ref) as client:
        job = await client.job_start("while :; do echo x; sleep 0.01; done")
        await bare.freeze(ref)
        assert (await bare.status(ref)).state is RuntimeState.FROZEN
        main = boxes.main(ref)
        assert {p.state() for p in (main, *main.descendants())} <= {"T", "D"}
        await bare.thaw(ref)
        size = (await client.job_read(job.id)).job.size
        assert (await client.job_read(job.id, offset=size, wait=10)).next > size


async def test_node_runs_under_the_limits_of_a_process(boxes, bare):
    ref = await boxes.make(bare)
    if (await boxes.run(bare, ref, "command -v node")).exit != 0:
        pytest.skip("this host has no node")
    assert await boxes.told(bare, ref, "node -e 'console.log(6 * 7)'") == "42"


async def test_a_new_start_forgets_that_memory_ran_out(boxes, runtime):
    ref = await boxes.make(runtime)
    if "memory" in (await runtime.status(ref)).unapplied:
        pytest.skip("no memory cgroup can be made here")
    await boxes.run(runtime, ref, HOG)
    assert (await runtime.status(ref)).oom_killed
    await runtime.stop(ref, grace=1)
    await runtime.start(ref)
    assert not (await runtime.status(ref)).oom_killed
