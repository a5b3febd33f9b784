"""What the engine tells of boxes, and what is told after a gap."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from vibn.errors import AgentLost
from vibn.models import EventKind, RuntimeEvent
from vibn.runtimes.docker import DockerRuntime


@pytest.fixture
async def heard(runtime) -> AsyncIterator[asyncio.Queue[RuntimeEvent]]:
    queue: asyncio.Queue[RuntimeEvent] = asyncio.Queue()
    task = asyncio.create_task(_hear(runtime, queue))
    yield queue
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _hear(runtime: DockerRuntime, queue: asyncio.Queue[RuntimeEvent]) -> None:
    async for event in runtime.watch():
        await queue.put(event)


async def until(queue: asyncio.Queue[RuntimeEvent], kind: EventKind) -> RuntimeEvent:
    async with asyncio.timeout(30):
        while (event := await queue.get()).kind is not kind:
            pass
    return event


async def listening(queue: asyncio.Queue[RuntimeEvent], runtime, make):
    """A box whose start was heard: then the stream is open."""
    async with asyncio.timeout(30):
        while True:
            ref = await make(runtime)
            try:
                async with asyncio.timeout(2):
                    await until(queue, EventKind.STARTED)
                return ref
            except TimeoutError:
                continue


async def test_a_stop_by_another_hand_is_no_death(runtime, heard, make):
    ref = await listening(heard, runtime, make)
    await docker("stop", "-t", "5", ref.handle)
    assert (await until(heard, EventKind.STOPPED)).ref == ref
    await docker("rm", ref.handle)
    assert (await until(heard, EventKind.REMOVED)).ref == ref


async def test_a_main_process_that_ends_is_a_death_with_its_status(runtime, heard, make, reach):
    ref = await listening(heard, runtime, make)
    client = await reach(runtime, ref)
    with suppress(AgentLost):
        await client.job_start("kill -9 -1")
    assert (await until(heard, EventKind.DIED)).ref == ref
    assert (await until(heard, EventKind.STARTED)).ref == ref


async def test_running_out_of_memory_is_told(runtime, heard, make, reach):
    ref = await listening(heard, runtime, make)
    await (await reach(runtime, ref)).exec("python3 -c 'x = b\"x\" * (1 << 30)'")
    assert (await until(heard, EventKind.OOM)).ref == ref


async def test_boxes_of_others_are_not_told(runtime, heard, make, settings):
    ref = await listening(heard, runtime, make)
    other = DockerRuntime(settings, f"{runtime._installation}-other")
    foreign = await make(other)
    await other.remove(foreign, volumes=True)
    await other.close()
    await docker("stop", "-t", "0", ref.handle)
    events = [await until(heard, EventKind.STOPPED)]
    while not heard.empty():
        events.append(heard.get_nowait())
    assert {event.ref for event in events} == {ref}


async def test_after_a_gap_everything_may_have_changed(remote):
    queue: asyncio.Queue[RuntimeEvent] = asyncio.Queue()
    task = asyncio.create_task(_hear(remote, queue))
    try:
        async with asyncio.timeout(30):
            while queue.empty():
                remote.api.cut()
                await asyncio.sleep(0.3)
        assert queue.get_nowait().kind is EventKind.RESYNC
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def docker(*command: str) -> None:
    done = await asyncio.to_thread(
        subprocess.run, ["docker", *command], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
