"""The body of a request, within its bounds."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from vibn.errors import DeadlineExceeded, TooLarge
from vibn.mcp import body
from vibn.mcp.body import Gone, check_length, read_body, replayed


def sending(*messages: Message):
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0) if left else {"type": "http.disconnect"}

    return receive


def part(data: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


async def test_it_is_put_together_and_given_on_whole():
    receive = sending(part(b"ab", True), part(b"", True), part(b"c"))
    whole = await read_body(receive, 3)
    again = replayed(whole, receive)
    assert await again() == part(b"abc")
    assert (await again())["type"] == "http.disconnect"


async def test_what_is_too_large_is_read_no_further():
    with pytest.raises(TooLarge):
        await read_body(sending(part(b"ab", True), part(b"cd", True)), 3)


async def test_a_client_that_leaves_is_gone():
    with pytest.raises(Gone):
        await read_body(sending(part(b"ab", True)), 3)


async def test_a_client_that_stalls_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(body, "DEADLINE", 0.01)

    async def never() -> Message:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(DeadlineExceeded):
        await read_body(never, 3)


@pytest.mark.parametrize("header", ["4", "99999999999999999999999999999"])
def test_what_announces_too_much_is_refused_unread(header: str):
    with pytest.raises(TooLarge):
        check_length(header, 3)


@pytest.mark.parametrize("header", [None, "", "3", "-1", "x", "٤"])
def test_other_lengths_are_left_to_the_reading(header: str | None):
    check_length(header, 3)
