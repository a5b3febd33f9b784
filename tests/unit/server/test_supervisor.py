"""Loops have one owner, and none of them ends unseen."""

from __future__ import annotations

import asyncio

import pytest

from vibn.loops.supervisor import supervised


async def forever() -> None:
    await asyncio.Event().wait()


async def test_loops_run_for_the_block_and_no_longer():
    ended: list[str] = []

    async def loop() -> None:
        try:
            await forever()
        finally:
            ended.append("loop")

    async with supervised({"loop": loop}, lambda: ended.append("stop")):
        await asyncio.sleep(0)
        assert ended == []
    assert ended == ["loop"]


async def breaks() -> None:
    raise ZeroDivisionError


async def ends() -> None:
    return


@pytest.mark.parametrize("loop", [breaks, ends])
async def test_a_loop_that_ends_by_surprise_stops_the_server(loop, caplog):
    stopped = asyncio.Event()
    async with supervised({"one": loop, "two": forever}, stopped.set):
        async with asyncio.timeout(5):
            await stopped.wait()
    assert "the loop one" in caplog.text
