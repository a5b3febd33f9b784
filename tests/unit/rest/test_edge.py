"""Deadlines of both sides of a request, and what happens when one passes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from tests.unit.rest.conftest import Server

from vibn.errors import InvalidInput
from vibn.rest.edge import Edge
from vibn.rest.streamed import Outlet, Streamed

SCOPE: Scope = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b""}


async def sent_by(app: Any, scope: Scope, receive: Receive) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_body_whose_next_piece_does_not_come_is_given_up(server: Server) -> None:
    raw = [(name.lower(), value) for name, value in server.client.headers.raw]
    headers = [*raw, (b"content-type", b"application/json"), (b"content-length", b"50")]
    path = b"/api/v1/projects/shop/exec"
    scope = {**SCOPE, "path": path.decode(), "raw_path": path, "headers": headers}
    for edge in server.app.user_middleware:
        edge.kwargs["body"] = 0.05
    start, body = await sent_by(server.app, scope, never)
    assert (start["status"], json.loads(body["body"])["error"]["code"]) == (
        504,
        "deadline_exceeded",
    )


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    left = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.body"})
        finally:
            left.set()

    async def stuck(message: Message) -> None:
        await asyncio.Event().wait()

    await Edge(app, stalled=0.05)(SCOPE, never, stuck)
    assert left.is_set()


async def test_an_answer_that_cannot_be_finished_is_cut_off() -> None:
    async def half(outlet: Outlet) -> None:
        await outlet.begin(200, {})
        await outlet.write(b"half")
        raise InvalidInput("it changed")

    messages = await sent_by(Edge(Streamed(half)), SCOPE, never)
    assert [message.get("more_body") for message in messages] == [None, True]


async def test_bytes_that_are_no_text_are_no_address() -> None:
    scope = {**SCOPE, "raw_path": b"/%c3%28"}
    start, body = await sent_by(Edge(Streamed(None)), scope, never)  # type: ignore[arg-type]
    assert (start["status"], json.loads(body["body"])["error"]["code"]) == (400, "invalid_input")
