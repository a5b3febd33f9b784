from __future__ import annotations

import asyncio

import pytest

from vibn.errors import Unavailable
from vibn.services.life.flights import Flights


async def test_callers_at_once_share_one_task_and_later_ones_start_another():
    flights, runs = Flights(), []

    async def work():
        runs.append(1)
        await asyncio.sleep(0)
        return len(runs)

    assert await asyncio.gather(*[flights.join("a", work) for _ in range(5)]) == [1] * 5
    assert await flights.join("a", work) == 2


async def test_different_keys_fly_apart():
    flights = Flights()

    async def value(number):
        return number

    results = await asyncio.gather(*[flights.join(n, lambda n=n: value(n)) for n in range(3)])
    assert results == [0, 1, 2]


async def test_every_caller_gets_the_error():
    async def fail():
        raise ValueError("no")

    flights = Flights()
    results = await asyncio.gather(
        *[flights.join("a", fail) for _ in range(3)], return_exceptions=True
    )
    assert [type(result) for result in results] == [ValueError] * 3


async def test_close_cancels_what_does_not_end_in_time():
    flights = Flights()
    caller = asyncio.create_task(flights.join("a", asyncio.Event().wait))
    await asyncio.sleep(0)
    await flights.close(within=0)
    with pytest.raises(Unavailable, match="shutting down"):
        await caller
    assert not flights.flying("a")


async def test_a_caller_that_was_cancelled_itself_is_told_so_also_while_closing():
    flights = Flights()
    leaver = asyncio.create_task(flights.join("a", asyncio.Event().wait))
    await asyncio.sleep(0)
    closing = asyncio.create_task(flights.close(within=0))
    leaver.cancel()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await leaver


async def test_a_caller_that_leaves_does_not_end_the_flight_of_the_others():
    flights, landed = Flights(), asyncio.Event()
    leaver, other = [asyncio.create_task(flights.join("a", landed.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    leaver.cancel()
    landed.set()
    assert await other
    with pytest.raises(asyncio.CancelledError):
        await leaver
