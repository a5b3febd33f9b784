"""What kills boxes, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from vibn.errors import AgentLost, BoxFailed
from vibn.models import EventKind, RuntimeState
from vibn.runtimes.bubblewrap import ending, life, veth
from vibn.runtimes.bubblewrap.places import Places
from vibn.runtimes.processes import Process


async def test_kill_all_inside_loses_nothing(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(runtime, ref, "echo kept > file")
    main = boxes.main(ref)
    with suppress(AgentLost):
        await boxes.run(runtime, ref, "kill -9 -1")
    assert await told_at_last(boxes, runtime, ref, "cat file") == "kept"
    assert boxes.main(ref) == main
    assert main.alive()


async def test_a_killed_box_is_stopped_with_the_reason_and_starts_again(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(runtime, ref, "echo kept > file")
    await killed(boxes.main(ref))
    status = await runtime.status(ref)
    assert (status.state, status.reason) == (RuntimeState.STOPPED, "Its main process ended.")
    await runtime.start(ref)
    assert await boxes.told(runtime, ref, "cat file") == "kept"


async def test_the_end_of_a_box_is_told_as_died(boxes, runtime):
    ref = await boxes.make(runtime)
    told, died = set(), asyncio.Event()

    async def watch() -> None:
        async for event in runtime.watch():
            told.add(event.ref)
            if event.kind is EventKind.DIED:
                died.set()

    watching = asyncio.create_task(watch())
    try:
        async with asyncio.timeout(60):
            while not died.is_set():
                await runtime.start(ref)
                await asyncio.sleep(0.2)
                await killed(boxes.main(ref))
                await asyncio.sleep(0.2)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert told == {ref}


async def test_after_a_reboot_of_the_host_it_is_stopped_with_its_files(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(runtime, ref, "echo kept > file; echo home > ~/file")
    await killed(boxes.main(ref))
    at = Places(boxes.base, ref.box_id)
    found = life.load(at.life, at.report)
    life.save(at.life, replace(found, boot="the boot before"))
    status = await boxes.runtime().status(ref)
    assert (status.state, status.reason) == (RuntimeState.STOPPED, "The host was restarted.")
    await runtime.start(ref)
    assert await boxes.told(runtime, ref, "cat file ~/file") == "kept\nhome"


async def test_a_sandbox_that_nobody_noted_is_found(boxes, runtime):
    ref = await boxes.make(runtime)
    main, at = boxes.main(ref), Places(boxes.base, ref.box_id)
    begun = life.load(at.life, at.report)
    life.save(at.life, replace(begun, process=None, starter=Process(1, 0)))
    found = boxes.runtime()
    assert (await found.status(ref)).state is RuntimeState.RUNNING
    await found.stop(ref, grace=1)
    assert not main.alive()


async def test_what_a_cut_start_left_ends_with_the_next_one(boxes, runtime):
    ref = await boxes.make(runtime)
    if "memory" in (await runtime.status(ref)).unapplied:
        pytest.skip("no cgroup holds the processes of a box here")
    main, at = boxes.main(ref), Places(boxes.base, ref.box_id)
    at.report.unlink()
    life.save(at.life, replace(life.load(at.life, at.report), process=None, starter=None))
    await runtime.start(ref)
    assert not main.alive()
    assert await boxes.told(runtime, ref, "echo up") == "up"


@pytest.mark.parametrize("after", [0.01, 0.03, 0.05, 0.08])
async def test_a_start_that_was_cut_short_leaves_no_process_also_without_cgroups(boxes, after):
    runtime = boxes.runtime(hierarchies=None)
    ref = await boxes.make(runtime, start=False)
    starting = asyncio.create_task(runtime.start(ref))
    await asyncio.sleep(after)
    starting.cancel()
    ended = await asyncio.gather(starting, return_exceptions=True)
    if ended == [None]:
        pytest.skip("this start was over before it was cut short")
    async with asyncio.timeout(30):
        while inhabitants(ref.box_id):
            await asyncio.sleep(0.05)
    await runtime.start(ref)
    assert await boxes.told(runtime, ref, "echo up") == "up"


async def test_a_pid_used_again_is_not_taken_for_the_box(boxes, runtime):
    ref = await boxes.make(runtime)
    main, at = boxes.main(ref), Places(boxes.base, ref.box_id)
    noted = life.load(at.life, at.report)
    life.save(at.life, replace(noted, process=Process(main.pid, main.start - 1)))
    assert (await runtime.status(ref)).state is RuntimeState.STOPPED
    life.save(at.life, noted)


async def test_a_sandbox_that_cannot_start_is_failed_with_the_reason(boxes, runtime):
    ref = await boxes.make(runtime, start=False)
    Places(boxes.base, ref.box_id).workspace.rmdir()
    with pytest.raises(BoxFailed, match="workspace"):
        await runtime.start(ref)
    status = await runtime.status(ref)
    assert status.state is RuntimeState.FAILED
    assert "workspace" in status.reason


async def test_removing_leaves_nothing_on_the_host(boxes, runtime):
    ref = await boxes.make(runtime)
    network = veth.of(boxes.installation, ref.box_id, True)
    await runtime.remove(ref, volumes=True)
    left = [str(p) for p in boxes.base.rglob("*") if ref.box_id in str(p)]
    groups = [str(p) for p in Path("/sys/fs/cgroup").rglob(f"vibn-{boxes.installation[:16]}")]
    assert (left, groups) == ([], [])
    assert not (Path("/sys/class/net") / network.interface).exists()
    assert not network.namespace.exists()


async def test_the_record_of_a_box_is_ours_alone(boxes, runtime):
    ref = await boxes.make(runtime, env={"TOKEN": "x"})
    at = Places(boxes.base, ref.box_id)
    assert json.loads(at.record.read_text())["env"] == {"TOKEN": "x"}
    assert at.record.stat().st_mode & 0o077 == 0


def inhabitants(box_id):
    """The processes, by id, in whose view of the file system this box's workspace is."""
    found = []
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            if f"{box_id}/workspace /workspace " in mounts.read_text():
                found.append(mounts.parent.name)
    return found


async def told_at_last(boxes, runtime, ref, command):
    """As ``told``: a connection made while the old agent's socket closes is lost as well."""
    async with asyncio.timeout(10):
        while True:
            with suppress(AgentLost):
                return await boxes.told(runtime, ref, command)


async def killed(main: Process) -> None:
    main.send(signal.SIGKILL)
    assert await ending.gone(main, 10)
