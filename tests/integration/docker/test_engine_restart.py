"""The engine stopped and started under us. It takes every container of the machine along, so it
runs only where VIBN_TEST_RESTART_ENGINE=1 says that nothing else needs the engine."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vibn.errors import RuntimeUnavailable, VibnError
from vibn.models import EventKind, RuntimeState
from vibn.runtimes.docker import DockerRuntime

ENGINE = Path(__file__).parents[3] / "scripts" / "engine"

pytestmark = [
    pytest.mark.exclusive,
    pytest.mark.skipif(
        os.environ.get("VIBN_TEST_RESTART_ENGINE") != "1",
        reason="VIBN_TEST_RESTART_ENGINE=1 allows it; it disturbs the engine's other users",
    ),
]


def engine(verb: str) -> None:
    done = subprocess.run([ENGINE, verb], capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
async def restartable(image: str) -> AsyncIterator[None]:
    """An engine of scripts/engine's own; one that was started by hand is adopted."""
    run = Path(os.environ.get("VIBN_ENGINE_RUN", "/run/vibn-engine"))
    if not (run / "pid").exists():
        await asyncio.to_thread(engine, "adopt")
    yield
    await asyncio.to_thread(engine, "start")


async def test_running_boxes_run_again_and_stopped_ones_stay(restartable, runtime, make, reach):
    awake, asleep, frozen = await asyncio.gather(*(make(runtime) for _ in range(3)))
    await (await reach(runtime, awake)).exec("echo kept > kept.txt")
    await runtime.stop(asleep, grace=1)
    await runtime.freeze(frozen)
    await asyncio.to_thread(engine, "stop")
    with pytest.raises(RuntimeUnavailable):
        await runtime.status(awake)
    await asyncio.to_thread(engine, "start")
    assert (await runtime.status(awake)).state is RuntimeState.RUNNING
    assert (await runtime.status(asleep)).state is RuntimeState.STOPPED
    assert (await runtime.status(frozen)).state is RuntimeState.RUNNING
    assert (await (await reach(runtime, awake)).exec("cat kept.txt")).stdout == b"kept\n"


async def test_watching_goes_on_after_the_engine_came_back(restartable, runtime, make):
    ref = await make(runtime)
    seen: asyncio.Queue = asyncio.Queue()
    task = asyncio.create_task(_collect(runtime, seen))
    try:
        await asyncio.to_thread(engine, "stop")
        await asyncio.to_thread(engine, "start")
        await _until(seen, EventKind.RESYNC)
        await runtime.stop(ref, grace=1)
        await _until(seen, EventKind.STOPPED)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_images_are_mounted_again_after_a_reboot(
    restartable, runtime, make, reach, settings, installation
):
    ref = await make(runtime)
    await (await reach(runtime, ref)).exec("echo kept > kept.txt")
    if not runtime.capabilities.disk_limit:
        pytest.skip("this machine has no disk images")
    await asyncio.to_thread(engine, "stop")
    mounted = runtime._host.disks.mountpoint(ref.box_id)
    await asyncio.to_thread(subprocess.run, ["umount", str(mounted)], check=True)
    await asyncio.to_thread(engine, "start")
    after = DockerRuntime(settings, installation)
    (found,) = await after.list()
    assert found.state is RuntimeState.RUNNING
    assert (await (await reach(after, ref)).exec("cat kept.txt")).stdout == b"kept\n"
    await after.close()


async def _collect(runtime: DockerRuntime, seen: asyncio.Queue) -> None:
    async for event in runtime.watch():
        await seen.put(event)


async def _until(seen: asyncio.Queue, kind: EventKind) -> None:
    try:
        async with asyncio.timeout(60):
            while (await seen.get()).kind is not kind:
                pass
    except VibnError as exc:
        pytest.fail(f"watching ended: {exc}")
