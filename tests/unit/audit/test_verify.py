"""Verdicts on chains whose process runs, was killed, or wrote from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.audit.conftest import World, entry

from vibn.services.audit import Audit, End, Problem, Verdict
from vibn.services.audit.report import Findings
from vibn.services.audit.verify import PAGE
from vibn.store.memory_authority import MemoryTrail


async def only(audit: Audit) -> Verdict:
    [verdict] = (await audit.verify()).verdicts
    return verdict


async def test_an_empty_trail_is_well(world: World) -> None:
    report = await world.audit().verify()
    assert (report.ok, report.verdicts) == (True, ())


async def test_a_running_process_is_told_as_such(audit: Audit) -> None:
    audit.note(entry())
    await audit.flush()
    audit.note(entry())
    verdict = await only(audit)
    assert (verdict.ok, verdict.rows, verdict.end) == (True, 1, End.RUNNING)


async def test_rows_that_wait_betray_that_those_before_were_cut(world: World, audit: Audit) -> None:
    for _ in range(3):
        audit.note(entry())
    await audit.flush()
    audit.note(entry())
    for anchor in (world.state / "audit" / "anchors").iterdir():
        anchor.unlink()
    del world.store.trail._rows[(await world.store.trail.chains())[0], 3]
    assert (await only(audit)).problem == "row 3 cut off the end"


async def test_a_chain_from_elsewhere_may_end_with_rows_that_nobody_signed(
    world: World, audit: Audit, tmp_path: Path
) -> None:
    for _ in range(3):
        audit.note(entry())
    await audit.flush()
    other = tmp_path / "other"
    other.mkdir()
    (other / "audit.key").write_bytes((world.state / "audit.key").read_bytes())
    (other / "audit.key").chmod(0o600)
    verdict = await only(Audit(world.store.trail, other, world.clock))
    assert (verdict.ok, verdict.unsigned, verdict.end) == (True, 3, End.ELSEWHERE)


async def test_without_the_key_nothing_is_believed(
    world: World, audit: Audit, tmp_path: Path
) -> None:
    audit.note(entry())
    await audit.flush()
    verdict = await only(Audit(world.store.trail, tmp_path / "other", world.clock))
    assert (verdict.ok, verdict.rows) == (False, 1)
    assert verdict.problem == "its key is not in the key file"


class Counting:
    """The trail behind it; notes how many rows each answer had."""

    def __init__(self, trail: MemoryTrail) -> None:
        self._trail = trail
        self.pages: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trail, name)

    async def rows(self, chain: str, after: int, limit: int) -> Any:
        page = await self._trail.rows(chain, after, limit)
        self.pages.append(len(page))
        return page


async def test_a_long_chain_is_read_in_pages(world: World, audit: Audit) -> None:
    for _ in range(2 * PAGE + 1):
        audit.note(entry())
    await audit.flush()
    counting = Counting(world.store.trail)
    verdict = await only(Audit(counting, world.state, world.clock))
    assert (verdict.ok, verdict.rows) == (True, 2 * PAGE + 1)
    assert counting.pages == [PAGE, PAGE, 1, 0]


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ([(5, 5)], ["row 5 missing"]),
        ([(5, 9)], ["rows 5 to 9 missing"]),
        ([(5, 5), (6, 6), (7, 9)], ["rows 5 to 9 missing"]),
        ([(5, 5), (7, 7)], ["row 5 missing", "row 7 missing"]),
    ],
)
def test_neighbours_are_told_as_one(added: list[tuple[int, int]], told: list[str]) -> None:
    findings = Findings()
    for first, last in added:
        findings.add(Problem.MISSING, first, last)
    assert [str(finding) for finding in findings.found()] == told
