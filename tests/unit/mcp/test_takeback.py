"""Cancellations that come as a POST of their own, here or on another replica."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from vibn.authority import Access, Token
from vibn.errors import StoreUnavailable
from vibn.mcp.exchange import Exchange
from vibn.mcp.inflight import InFlight, TakenBack
from vibn.mcp.takeback import Takebacks, cancelled_in, is_initialize, is_takeback, key_of
from vibn.services.calls import Caller

TOKEN = Token("t1", "digest", "acme", "test", Access.FULL, datetime(2026, 1, 1, tzinfo=UTC))


class Wire:
    """A relay between the replicas of one process."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.ears: list[asyncio.Queue[str]] = []
        self.down = False

    async def tell(self, word: str) -> None:
        if self.down:
            raise StoreUnavailable("away")
        self.words.append(word)
        for ear in self.ears:
            ear.put_nowait(word)

    async def told(self) -> AsyncIterator[str]:
        ear: asyncio.Queue[str] = asyncio.Queue()
        self.ears.append(ear)
        while True:
            yield await ear.get()


def exchange(session: str = "s1") -> Exchange:
    return Exchange(Caller("secret", "mcp", "r1"), TOKEN, None, session, True)


def takeback(request: object) -> bytes:
    params = {"requestId": request}
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
    return json.dumps(message).encode()


async def begun(calls: InFlight, request: int | str = 7) -> asyncio.Task[bool]:
    key = key_of(exchange(), request)
    task = asyncio.create_task(calls.run(key, asyncio.Event().wait()))
    await asyncio.sleep(0)
    return task


async def test_it_ends_the_call_that_it_names():
    calls = InFlight()
    task = await begun(calls)
    await Takebacks(calls, None).apply(exchange(), takeback("7"))
    with pytest.raises(TakenBack):
        await task


async def test_another_session_of_the_same_token_ends_nothing():
    calls = InFlight()
    task = await begun(calls)
    await Takebacks(calls, None).apply(exchange("s2"), takeback(7))
    await Takebacks(calls, None).apply(exchange(""), takeback(7))
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})


async def test_one_that_lands_on_another_replica_is_passed_on():
    wire, here, there = Wire(), InFlight(), InFlight()
    listening = asyncio.create_task(Takebacks(here, wire).listen())
    task = await begun(here)
    await Takebacks(there, wire).apply(exchange(), takeback(7))
    with pytest.raises(TakenBack):
        await task
    listening.cancel()


async def test_one_that_is_known_here_is_told_to_nobody():
    wire, calls = Wire(), InFlight()
    task = await begun(calls)
    await Takebacks(calls, wire).apply(exchange(), takeback(7))
    await asyncio.wait({task})
    assert wire.words == []


async def test_a_word_that_is_not_understood_ends_no_listener():
    wire, calls = Wire(), InFlight()
    listening = asyncio.create_task(Takebacks(calls, wire).listen())
    task = await begun(calls)
    for word in ("{", "[]", '"abc"', "7", "[1,2,3,4]"):
        await wire.tell(word)
    await Takebacks(InFlight(), wire).apply(exchange(), takeback(7))
    await asyncio.wait({task}, timeout=20)
    assert task.done()
    listening.cancel()


async def test_a_database_that_is_away_fails_no_client():
    wire = Wire()
    wire.down = True
    await Takebacks(InFlight(), wire).apply(exchange(), takeback(7))


@pytest.mark.parametrize("request_id", [None, True, 1.5, {}, [7], "x" * 300])
async def test_what_is_no_id_names_no_call(request_id: object):
    assert key_of(exchange(), cancelled_in(takeback(request_id))) is None


NO_TAKEBACKS = [
    *(b"", b"[]", b"7", b"{", b'{"method":7}', b"[" * 100_000),
    b'{"a":"notifications/cancelled"}',
]


@pytest.mark.parametrize("body", NO_TAKEBACKS)
def test_other_bodies_are_no_takebacks(body: bytes):
    assert not is_takeback(body)
    assert not is_initialize(body)
    assert cancelled_in(body) is None
