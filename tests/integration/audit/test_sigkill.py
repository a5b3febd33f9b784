"""A SIGKILL loses no row that was noted, wherever it strikes, and repeats none."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.integration.audit.conftest import Trail

from vibn.services.audit import End
from vibn.services.audit.writer import LOOK

PROGRAM = Path(__file__).with_name("noting.py")


async def noted(state: Path, *point: str, after: float = 0) -> int:
    """The last row that a process said it had noted before it was killed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), str(state), *point, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    said = await child.stdout.readline()
    if not point:
        await asyncio.sleep(after)
        child.kill()
    async with asyncio.timeout(60):
        said += await child.stdout.read()
    assert await child.wait() == -signal.SIGKILL
    return int(said.rpartition(b"\n")[0].split(b"\n")[-1])


async def adopted(trail: Trail) -> list[str]:
    """The requests of all rows, after another process has taken over what was left; in order."""
    left = leavings(trail)
    async with trail.audit():
        await gone(left)
    rows = await trail.store.trail.rows(left.name, 0, 1_000_000)
    return [row.request for row in rows]


def leavings(trail: Trail) -> Path:
    """The one spool with rows."""
    spools = (trail.state / "audit" / "spool").iterdir()
    [left] = [path for path in spools if [*path.iterdir()]]
    return left


async def gone(left: Path) -> None:
    async with asyncio.timeout(20):
        while left.exists():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [0, 0.3, 0.7, 1.3])
async def test_every_row_that_was_noted_is_in_the_store(trail: Trail, after: float) -> None:
    last = await noted(trail.state, after=after)
    requests = await adopted(trail)
    # The kill may strike between a row and the word of it.
    assert len(requests) in (last, last + 1)
    assert requests == [f"r{n}" for n in range(1, len(requests) + 1)]
    [verdict] = (await trail.audit().verify()).verdicts
    assert (verdict.ok, verdict.unsigned, verdict.end) == (True, 0, End.KILLED)


@pytest.mark.parametrize("point", ["appended", "anchored"])
async def test_a_kill_between_store_and_spool_repeats_nothing(trail: Trail, point: str) -> None:
    last = await noted(trail.state, point)
    [chain] = await trail.store.trail.chains()
    before = len(await trail.store.trail.rows(chain, 0, 1_000_000))
    assert 0 < before <= last + 1
    [waiting] = (await trail.audit().verify()).verdicts
    assert (waiting.ok, waiting.end) == (True, End.WAITING)
    assert waiting.unsigned == (before if point == "appended" else 0)
    requests = await adopted(trail)
    assert requests == [f"r{n}" for n in range(1, len(requests) + 1)]
    assert (await trail.audit().verify()).ok


async def test_the_end_of_a_killed_process_cannot_be_cut_unseen(trail: Trail) -> None:
    await noted(trail.state, after=0.5)
    last = len(await adopted(trail))
    [chain] = await trail.store.trail.chains()
    trail.attack("DELETE FROM fs_audit WHERE seq = (SELECT max(seq) FROM fs_audit)")
    trail.attack("DELETE FROM fs_audit_heads")
    assert (await trail.verdict(chain)).problem == f"row {last} cut off the end"


async def test_a_running_process_takes_over_what_another_left(trail: Trail) -> None:
    async with trail.audit() as audit:
        last = await noted(trail.state)
        left = leavings(trail)
        audit._looked -= LOOK
        await gone(left)
        rows = await trail.store.trail.rows(left.name, 0, 1_000_000)
    assert len(rows) in (last, last + 1)


async def test_processes_that_start_at_once_share_what_was_left(trail: Trail) -> None:
    last = await noted(trail.state, after=0.5)
    left = leavings(trail)
    async with trail.audit(), trail.audit(), trail.audit():
        await gone(left)
    rows = await trail.store.trail.rows(left.name, 0, 1_000_000)
    assert [row.request for row in rows] == [f"r{n}" for n in range(1, len(rows) + 1)]
    assert len(rows) >= last
