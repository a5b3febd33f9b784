"""Limits are held, or said not to be."""

from __future__ import annotations

import pytest

from vibn.models import RuntimeState

HOG = "python3 -c 'x = bytearray(600 << 20)'"


async def limited(place, name: str):
    ref = await place.make()
    status = await place.status(ref)
    if name in status.unapplied:
        pytest.skip(f"this runtime says that it does not apply: {name}")
    assert status.limits_by
    return ref


async def test_a_memory_hog_is_killed_and_the_box_lives_on(place):
    ref = await limited(place, "memory")
    await place.run(ref, "echo kept > file")
    async with place.agent(ref) as client:
        result = await client.exec(HOG, timeout=60)
    assert result.signal == "KILL" or result.exit == 128 + 9  # as the shell tells it
    assert result.oom
    assert await place.run(ref, "cat file") == "kept\n"
    status = await place.status(ref)
    assert (status.state, status.oom_killed) == (RuntimeState.RUNNING, True)


async def test_a_fork_bomb_hits_the_limit_and_the_box_lives_on(place):
    ref = await limited(place, "pids")
    async with place.agent(ref) as client:
        bomb = "for i in $(seq 300); do sleep 30 & done; wait"
        result = await client.exec(bomb, timeout=5)
        assert b"fork" in result.stderr.lower() or result.exit != 0
    assert await place.run(ref, "echo alive") == "alive\n"


async def test_the_cpu_limit_is_held(place):
    ref = await limited(place, "cpus")
    told = await place.run(
        ref,
        "cat /sys/fs/cgroup/cpu.max 2>/dev/null"
        " || cat /sys/fs/cgroup/cpu*/cpu.cfs_quota_us /sys/fs/cgroup/cpu*/cpu.cfs_period_us",
    )
    numbers = [int(word) for word in told.split()]
    assert numbers[0] / numbers[1] == 1.0
