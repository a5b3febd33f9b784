"""A block that ends when what is beside it does."""

from __future__ import annotations

import asyncio

import pytest

from vibn.errors import InvalidInput
from vibn.rest.beside import Gone, beside, leaving


async def refusing() -> None:
    raise InvalidInput("no")


async def returning() -> None:
    return


async def lasting() -> None:
    await asyncio.Event().wait()


async def test_what_it_raises_comes_out_and_ends_the_block() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("in its own time")

    with pytest.raises(InvalidInput):
        async with beside(refusing()):
            await work()
    assert ended == ["in its own time"]
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_one_that_returns_leaves_the_block_alone() -> None:
    async with beside(returning()):
        await asyncio.sleep(0.01)


async def test_a_block_that_ends_first_ends_what_is_beside_it() -> None:
    ended = asyncio.Event()

    async def watch() -> None:
        try:
            await lasting()
        finally:
            ended.set()

    async with beside(watch()):
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_a_block_that_never_waits_leaves_nothing_behind(
    recwarn: pytest.WarningsRecorder,
) -> None:
    async with beside(lasting()):
        pass
    assert [str(warning.message) for warning in recwarn] == []


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def work() -> None:
        async with beside(lasting()):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_of_two_that_raise_at_once_one_comes_out() -> None:
    with pytest.raises(InvalidInput):
        async with beside(refusing()), beside(refusing()):
            await asyncio.Event().wait()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_client_that_leaves_is_gone() -> None:
    messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, str]:
        return next(messages)

    with pytest.raises(Gone):
        await leaving(receive)  # type: ignore[arg-type]
