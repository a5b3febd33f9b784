"""Calls in tasks of their own: what ends them, and that their end is waited for."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from vibn.mcp.inflight import CallKey, InFlight, TakenBack

KEY = CallKey("t1", "s1", "7")


class Work:
    """A call that notes how it ended, and takes a few waits to end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = ""

    async def run(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.ended = "clean"
        return ""


async def test_a_call_gives_its_result_and_is_forgotten():
    calls = InFlight()
    assert await calls.run(KEY, asyncio.sleep(0, "done")) == "done"
    assert len(calls) == 0
    assert not calls.cancel(KEY)


async def test_a_call_that_is_taken_back_ends_as_such():
    calls, work = InFlight(), Work()
    running = asyncio.create_task(calls.run(KEY, work.run()))
    await work.begun.wait()
    assert calls.cancel(KEY)
    with pytest.raises(TakenBack):
        await running
    assert work.ended == "clean"


async def test_a_key_of_another_client_ends_nothing():
    calls, work = InFlight(), Work()
    running = asyncio.create_task(calls.run(KEY, work.run()))
    await work.begun.wait()
    assert not calls.cancel(CallKey("t1", "s2", "7"))
    assert not calls.cancel(CallKey("t2", "s1", "7"))
    running.cancel()
    await asyncio.wait({running})


async def test_a_scope_that_cuts_every_wait_short_lets_a_call_end_by_itself():
    calls, work = InFlight(), Work()
    async with anyio.create_task_group() as group:
        group.start_soon(calls.run, None, work.run())
        await work.begun.wait()
        group.cancel_scope.cancel()
    assert work.ended == "clean"
    assert len(calls) == 0


async def test_a_failure_of_a_call_is_its_own():
    async def fail() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        await InFlight().run(KEY, fail())


async def test_a_second_call_of_the_same_id_is_the_one_that_can_be_taken_back():
    calls, first, second = InFlight(), Work(), Work()
    running = [asyncio.create_task(calls.run(KEY, work.run())) for work in (first, second)]
    await first.begun.wait()
    await second.begun.wait()
    assert calls.cancel(KEY)
    await asyncio.wait({running[1]})
    assert (first.ended, second.ended) == ("", "clean")
    running[0].cancel()
    await asyncio.wait({running[0]})
