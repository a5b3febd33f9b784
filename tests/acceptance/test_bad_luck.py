"""What goes wrong in a box: a clear error, nothing lost, and the next call works."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from tests.acceptance.conftest import PLACE

from vibn.app import App
from vibn.errors import AgentLost, DiskFull, PidsLimit, Unavailable
from vibn.models import BoxRef
from vibn.outcomes import JobState
from vibn.services.disk import FRESH

KILL_AGENT = "kill -9 $(cat /proc/[0-9]*/stat | awk '$2 == \"(vibn-agent)\" {print $1; exit}')"

NEVER_RESTS = """
import os
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""


async def works(app: App) -> bool:
    return (await app.shell.exec(*PLACE, "echo alive")).stdout == "alive\n"


async def never_ends(app: App) -> None:
    while True:
        await app.shell.exec(*PLACE, "true")


async def none_is_left(app: App, name: str) -> None:
    """Once what was killed is gone; until then it may still fill the box."""
    found = ""
    async with asyncio.timeout(30):
        while found != "0\n":
            with suppress(PidsLimit):
                found = (await app.shell.exec(*PLACE, f"pgrep -xc {name}")).stdout


async def reference(app: App) -> BoxRef:
    box = (await app.store.locate(*PLACE)).box
    assert box is not None
    return BoxRef(box.box_id, box.service_uuid)


async def test_a_gigabyte_of_output_is_cut_and_its_log_is_named(app: App) -> None:
    result = await app.shell.exec(*PLACE, "echo first; yes | head -c 1000000000; echo last")
    assert result.exit == 0
    assert result.truncated
    assert result.stdout.startswith("first\ny\n")
    assert result.stdout.endswith("y\nlast\n")
    assert len(result.stdout) < 31_000
    assert result.log
    assert f"the first 64 MiB of it is in {result.log}" in result.stdout
    assert (await app.shell.exec(*PLACE, f"head -1 {result.log}")).stdout == "first\n"


async def test_a_timeout_kills_and_says_what_to_do(app: App) -> None:
    result = await app.shell.exec(*PLACE, "sleep 600 & setsid sleep 601; wait", timeout_ms=300)
    assert result.timed_out
    assert "shell_start" in result.notes[0]
    left = await app.shell.exec(*PLACE, "pgrep -f 'sleep 60[01]' || echo none")
    assert left.stdout == "none\n"


async def test_a_fork_bomb_ends_with_the_command(app: App) -> None:
    bomb = "bomb() { bomb | bomb & }; bomb & exec sleep 60"
    result = await app.shell.exec(*PLACE, bomb, timeout_ms=3000)
    assert result.timed_out
    assert "fork" in result.stderr.lower()
    assert (await app.shell.exec(*PLACE, "pgrep -f 'bomb[(]'")).exit == 1


async def test_a_fork_bomb_that_never_rests_ends_too_as_a_command_and_as_a_job(app: App) -> None:
    """Each process leaves its session, and forks in vain for as long as it lives."""
    await app.files.write(*PLACE, "bomb.py", NEVER_RESTS)
    result = await app.shell.exec(*PLACE, "exec python3 bomb.py", timeout_ms=2000)
    assert result.timed_out
    assert len(result.killed) == 20
    job = await app.shell.start(*PLACE, "exec python3 bomb.py")
    with pytest.raises(PidsLimit) as refused:
        await never_ends(app)
    assert refused.value.hint
    assert await app.shell.kill(*PLACE, job, signal="KILL")
    await none_is_left(app, "python3")


async def test_a_memory_hog_is_told_and_the_files_are_kept(app: App) -> None:
    await app.files.write(*PLACE, "kept.txt", "kept")
    hog = 'python3 -c "x = bytearray(10**9); x[::4096] = bytes(len(x[::4096]))"'
    result = await app.shell.exec(*PLACE, hog)
    assert result.exit != 0
    assert result.oom or "MemoryError" in result.stderr
    assert (await app.files.read(*PLACE, "kept.txt")).lines.text == "kept"


async def test_a_full_disk_refuses_the_write_and_keeps_the_old_file(app: App) -> None:
    """Held by the runtime, or where it cannot, measured and held on our own writes."""
    await app.files.write(*PLACE, "a.txt", "old")
    await app.shell.exec(*PLACE, "head -c 300000000 /dev/zero > fill")
    await asyncio.sleep(0 if app.runtime.capabilities.disk_limit else FRESH)
    with pytest.raises(DiskFull) as full:
        await app.files.write(*PLACE, "a.txt", bytes(4_000_000))
    assert full.value.hint
    assert (await app.files.read(*PLACE, "a.txt")).lines.text == "old"
    await app.files.delete(*PLACE, "fill")
    await asyncio.sleep(0 if app.runtime.capabilities.disk_limit else FRESH)
    assert (await app.files.write(*PLACE, "a.txt", "new")).size == 3


async def test_the_agent_killed_during_two_commands_and_a_job(app: App) -> None:
    job = await app.shell.start(*PLACE, "for i in $(seq 40); do echo $i; sleep 0.1; done")
    commands = [asyncio.create_task(app.shell.exec(*PLACE, "sleep 60")) for _ in range(2)]
    while (await app.shell.exec(*PLACE, "pgrep -xc sleep")).stdout != "3\n":
        await asyncio.sleep(0.05)
    killing = asyncio.create_task(app.shell.exec(*PLACE, KILL_AGENT))
    async with asyncio.timeout(2):
        for task in (*commands, killing):
            with pytest.raises(AgentLost) as lost:
                await task
            assert lost.value.retryable
    assert await works(app)
    output = await app.shell.read(*PLACE, job, wait_ms=1000)
    assert output.job.state in (JobState.RUNNING, JobState.EXITED)
    assert output.data.startswith(b"1\n")


async def test_what_a_killed_agent_left_is_collected_when_it_ends(app: App) -> None:
    """Else each would count against the box's processes until the box ends."""
    orphans = "for i in $(seq 20); do (sleep 1 &); done; sleep 1; echo done"
    job = await app.shell.start(*PLACE, orphans)
    command = asyncio.create_task(app.shell.exec(*PLACE, "sleep 60"))
    while (await app.shell.exec(*PLACE, "pgrep -xc sleep")).stdout != "22\n":
        await asyncio.sleep(0.05)
    await asyncio.gather(command, app.shell.exec(*PLACE, KILL_AGENT), return_exceptions=True)
    await app.shell.read(*PLACE, job, wait_ms=10_000)
    await none_is_left(app, "sleep")


async def test_everything_in_the_box_killed_at_once(app: App) -> None:
    await app.files.write(*PLACE, "kept.txt", "kept")
    with pytest.raises(AgentLost):
        await app.shell.exec(*PLACE, "kill -9 -1; sleep 5")
    assert await eventually_works(app)
    assert (await app.files.read(*PLACE, "kept.txt")).lines.text == "kept"


async def test_the_container_removed_by_hand(app: App) -> None:
    await app.files.write(*PLACE, "kept.txt", "kept")
    await app.runtime.remove(await reference(app))
    assert await eventually_works(app)
    assert (await app.files.read(*PLACE, "kept.txt")).lines.text == "kept"


async def test_the_box_stopped_by_another_hand(app: App) -> None:
    await app.files.write(*PLACE, "kept.txt", "kept")
    await app.runtime.stop(await reference(app), grace=1)
    assert await eventually_works(app)


async def eventually_works(app: App) -> bool:
    """The first call after a loss may itself be told of it, as retryable; the next one works."""
    for _ in range(5):
        try:
            return await works(app)
        except Unavailable:
            continue
    return False
