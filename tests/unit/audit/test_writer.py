"""Rows are noted at once, reach the store behind the call, and none is lost on the way."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from tests.unit.audit.conftest import World, entry

from vibn.errors import StoreUnavailable, Unavailable
from vibn.services.audit import Audit, End


def refuse(*_: Any) -> int:
    raise OSError(28, "No space left on device")


async def test_a_note_becomes_a_row(world: World, audit: Audit) -> None:
    audit.note(entry(arguments=audit.fingerprint({"path": "a"}), outcome="not_found"))
    await audit.flush()
    [row] = await world.rows()
    assert (row.seq, row.tool, row.outcome, row.paths) == (1, "fs_read", "not_found", ("src/a.py",))
    assert (row.ms, row.received, row.sent, row.at) == (1.5, 10, 20, entry().at)


async def test_rows_reach_the_store_behind_the_call(world: World, audit: Audit) -> None:
    for n in range(1200):
        audit.note(entry(request=f"r{n}"))
    assert await world.rows() == []
    await world.stored(1200)
    assert [row.request for row in await world.rows()] == [f"r{n}" for n in range(1200)]


async def test_equal_arguments_of_one_token_are_alike(world: World, audit: Audit) -> None:
    for token, text in (("t1", "a"), ("t1", "a"), ("t1", "b"), ("t2", "a")):
        audit.note(entry(token=token, arguments=audit.fingerprint({"command": text})))
    await audit.flush()
    same, again, different, foreign = [row.arguments for row in await world.rows()]
    assert same == again
    assert len({same, different, foreign}) == 3


async def test_a_closed_trail_is_signed_to_its_end(world: World) -> None:
    async with world.audit() as audit:
        for _ in range(3):
            audit.note(entry())
    [verdict] = (await audit.verify()).verdicts
    assert (verdict.ok, verdict.rows, verdict.unsigned) == (True, 3, 0)
    assert verdict.end is End.CLOSED
    assert world.left() == []


async def test_a_process_without_calls_leaves_no_trace(world: World) -> None:
    async with world.audit():
        pass
    assert await world.store.trail.chains() == []
    assert world.left() == []


async def test_a_head_comes_after_so_many_rows(world: World, audit: Audit) -> None:
    for _ in range(1000):
        audit.note(entry())
    await world.stored(1000)
    await asyncio.sleep(0)
    [chain] = await world.store.trail.chains()
    async with asyncio.timeout(20):
        while not await world.store.trail.heads(chain):
            await asyncio.sleep(0.001)
    [head] = await world.store.trail.heads(chain)
    assert (head.seq, head.final) == (1000, False)


async def test_a_head_comes_after_some_time_when_there_are_new_rows(
    world: World, audit: Audit
) -> None:
    audit.note(entry())
    await audit.flush()
    [chain] = await world.store.trail.chains()
    async with asyncio.timeout(20):
        while not await world.store.trail.heads(chain):
            world.clock.move(61)
            await asyncio.sleep(0.001)
    assert [head.seq for head in await world.store.trail.heads(chain)] == [1]


async def test_rows_wait_while_the_store_is_away(
    world: World, audit: Audit, caplog: pytest.LogCaptureFixture
) -> None:
    world.store.away = True
    audit.note(entry())
    for _ in range(5):
        world.clock.move(1)
        await asyncio.sleep(0.01)
    with pytest.raises(StoreUnavailable):
        await audit.flush()
    world.store.away = False
    audit.note(entry())
    await world.stored(2)
    assert caplog.text.count("wait in the spool") == 1
    assert (await audit.verify()).ok


async def test_closing_with_the_store_away_leaves_rows_to_the_next(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.audit() as audit:
        audit.note(entry(request="before"))
        world.store.away = True
    assert "stay in the spool for the next process" in caplog.text
    world.store.away = False
    assert await world.rows() == []
    async with world.audit():
        await world.stored(1)
    assert [row.request for row in await world.rows()] == ["before"]
    assert (await audit.verify()).ok


async def test_calls_are_refused_when_too_much_waits(world: World) -> None:
    world.store.away = True
    async with world.audit(most=2000) as audit:
        for _ in range(20):
            audit.note(entry())
        with pytest.raises(Unavailable, match="wait for the database"):
            audit.admit()
        audit.note(entry())
        world.store.away = False
        await audit.flush()
        audit.admit()
    assert len(await world.rows()) == 21


async def test_calls_are_refused_while_the_disk_is_full(
    world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.note(entry(request="r1"))
    monkeypatch.setattr(os, "write", refuse)
    audit.note(entry(request="r2"))
    with pytest.raises(Unavailable, match="cannot be written"):
        audit.admit()
    monkeypatch.undo()
    audit.note(entry(request="r3"))
    audit.admit()
    await audit.flush()
    assert [row.request for row in await world.rows()] == ["r1", "r2", "r3"]


async def test_rows_that_the_disk_refuses_go_straight_to_the_store(
    world: World, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.note(entry(request="r1"))
    monkeypatch.setattr("vibn.services.audit.spool.os.write", refuse)
    audit.note(entry(request="r2"))
    audit.note(entry(request="r3"))
    monkeypatch.undo()
    monkeypatch.setattr("vibn.services.audit.spool.Spool.append", refuse)
    await audit.flush()
    audit.admit()
    monkeypatch.undo()
    audit.note(entry(request="r4"))
    await audit.flush()
    assert [row.request for row in await world.rows()] == ["r1", "r2", "r3", "r4"]
    assert (await audit.verify()).ok


async def test_a_row_after_the_close_is_for_the_next_process(world: World) -> None:
    async with world.audit() as audit:
        audit.note(entry(request="r1"))
    audit.note(entry(request="late"))
    ledger = audit._ledger
    assert ledger is not None
    ledger._spool.close()  # what the end of the process does
    async with world.audit():
        await world.stored(2)
    report = await audit.verify()
    assert (report.ok, len(report.verdicts)) == (True, 2)


async def test_closing_twice_and_leaving_no_task(world: World) -> None:
    before = asyncio.all_tasks()
    async with world.audit() as audit:
        audit.note(entry())
    await audit.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_two_processes_write_two_chains(world: World) -> None:
    async with world.audit() as one, world.audit() as other:
        one.note(entry())
        other.note(entry())
    report = await one.verify()
    assert [(v.rows, v.end) for v in report.verdicts] == [(1, End.CLOSED)] * 2


async def test_a_damaged_spool_is_set_aside_and_the_gap_is_found(
    world: World, audit: Audit, caplog: pytest.LogCaptureFixture
) -> None:
    audit.note(entry())
    await audit.flush()
    audit.note(entry())
    [segment] = (world.state / "audit" / "spool").rglob("*.spool")
    segment.write_bytes(b"\0" * 100 + b"\n")
    await audit.flush()
    audit.note(entry())
    await audit.flush()
    assert "set aside" in caplog.text
    assert [v.problem for v in (await audit.verify()).verdicts] == ["row 2 missing"]


async def test_no_content_and_no_secret_is_in_a_row_or_a_file(world: World, audit: Audit) -> None:
    audit.note(entry(arguments=audit.fingerprint({"content": "hunter2-secret"})))
    [segment] = (world.state / "audit" / "spool").rglob("*.spool")
    assert b"hunter2" not in segment.read_bytes()
    await audit.flush()
    assert "hunter2" not in repr(await world.rows())
