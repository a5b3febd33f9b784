"""What becomes of a call: errors, retries, deadlines, redirects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.client.tiny import listening, problem

from vibn.client import AsyncClient, Client
from vibn.client._async.link import AsyncLink
from vibn.client._sync.link import Link
from vibn.client.endpoint import Endpoint
from vibn.client.request import Request, get
from vibn.client.testing import FakeServer
from vibn.errors import (
    BY_CODE,
    BoxBusy,
    DeadlineExceeded,
    InvalidInput,
    ProjectNotFound,
    ProtocolViolation,
    RateLimited,
    ServerUnreachable,
    ShuttingDown,
    Unauthenticated,
    VibnError,
)

BUSY = BoxBusy("busy")


class Scripted:
    """Answers what it is told, in order; ``seen`` are the requests."""

    def __init__(self, *answers: tuple[int, bytes], headers: dict[str, str] | None = None) -> None:
        self.answers = list(answers)
        self.headers = headers or {}
        self.seen: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sent = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append({"path": scope["raw_path"].decode(), "headers": sent})
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        raw = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.http.response.start", "status": status, "headers": raw})
            await send({"type": "websocket.http.response.body", "body": body})
            return
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def fake() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(fake: FakeServer) -> Iterator[Client]:
    with fake.client() as client:
        yield client


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_code_is_its_class(code: str, fake: FakeServer, client: Client) -> None:
    cls = BY_CODE[code]
    fake.fail(cls("what happened", hint="what to do", detail={"n": 1}), times=3)
    with pytest.raises(VibnError) as caught:
        client.me()
    assert type(caught.value) is cls
    assert (caught.value.message, caught.value.hint) == ("what happened", "what to do")
    assert caught.value.detail["n"] == 1


def test_a_code_that_nobody_knows_is_told() -> None:
    app = Scripted(problem("brand_new", 418))
    with listening(app) as url, Client(url, "t") as client, pytest.raises(VibnError) as caught:
        client.me()
    assert type(caught.value) is VibnError
    assert "brand_new" in caught.value.message
    assert caught.value.detail["code"] == "brand_new"


def test_what_a_box_says_reaches_no_terminal_as_it_is() -> None:
    app = Scripted(problem("denied", 403, message="a\x1b]0;b\x07c"))
    with listening(app) as url, Client(url, "t") as client, pytest.raises(VibnError) as caught:
        client.me()
    assert caught.value.message == "a]0;bc"


def test_what_may_be_repeated_is_tried_again(fake: FakeServer, client: Client) -> None:
    fake.fail(BUSY, times=2)
    assert client.me().workspace == "main"


def test_it_is_given_up_in_the_end(fake: FakeServer, client: Client) -> None:
    fake.fail(BUSY, times=9)
    with pytest.raises(BoxBusy):
        client.me()
    assert len(fake._failures) == 6


def test_what_could_take_effect_twice_is_not(fake: FakeServer, client: Client) -> None:
    fake.fail(BUSY)
    with pytest.raises(BoxBusy):
        client.projects.create("shop")
    assert fake.projects == {}


def test_what_another_attempt_would_not_help_is_told_at_once(
    fake: FakeServer, client: Client
) -> None:
    fake.fail(InvalidInput("no"), times=2)
    with pytest.raises(InvalidInput):
        client.me()
    assert len(fake._failures) == 1


class Waits:
    """A wire that only notes for how long it was told to sleep."""

    def __init__(self, fake: FakeServer) -> None:
        self.inner = fake.wire()
        self.transport = self.inner.transport
        self.waited: list[float] = []

    def connect(self, address: str, token: str, seconds: float) -> Any:
        return self.inner.connect(address, token, seconds)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


def test_retry_after_is_honoured(fake: FakeServer) -> None:
    waits = Waits(fake)
    fake.fail(RateLimited("slow down", detail={"retry_after": 7}))
    link = Link(Endpoint(fake.url, fake.token), waits)
    link.call(get("/me"))
    assert len(waits.waited) == 1
    assert 7 <= waits.waited[0] < 9


def test_a_wait_that_the_deadline_does_not_leave_is_not_begun(fake: FakeServer) -> None:
    waits = Waits(fake)
    fake.fail(RateLimited("slow down", detail={"retry_after": 3600}))
    with pytest.raises(RateLimited) as caught:
        Link(Endpoint(fake.url, fake.token), waits).call(get("/me"))
    assert caught.value.detail["retry_after"] == 3600
    assert waits.waited == []


def test_nobody_there_is_told_with_the_next_step() -> None:
    with Client("http://127.0.0.1:1", "t") as client, pytest.raises(ServerUnreachable) as caught:
        client.me()
    assert "vibn up" in caught.value.hint
    assert "Errno" not in caught.value.message


def test_a_socket_to_nobody_is_told_the_same() -> None:
    with (
        Client("http://127.0.0.1:1", "t") as client,
        pytest.raises(ServerUnreachable),
        client.sandbox("shop").pty.open(),
    ):
        pass


async def test_async_too() -> None:
    async with AsyncClient("http://127.0.0.1:1", "t") as client:
        with pytest.raises(ServerUnreachable):
            await client.me()
        with pytest.raises(ServerUnreachable):
            async with client.sandbox("shop").pty.open():
                pass


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    other = Scripted((200, b"{}"))
    with listening(other) as elsewhere:
        here = Scripted((status, b""), headers={"location": f"{elsewhere}/api/v1/me"})
        with listening(here) as url, Client(url, "t") as client:
            with pytest.raises(InvalidInput, match="sends callers on to"):
                client.me()
            with pytest.raises(InvalidInput), client.sandbox("shop").pty.open():
                pass
    assert other.seen == []


async def test_nor_is_one_of_an_async_socket() -> None:
    other = Scripted((200, b"{}"))
    with listening(other) as elsewhere:
        here = Scripted((302, b""), headers={"location": elsewhere.replace("http", "ws")})
        with listening(here) as url:
            async with AsyncClient(url, "t") as client:
                with pytest.raises(InvalidInput):
                    async with client.sandbox("shop").pty.open():
                        pass
    assert other.seen == []


def test_the_token_is_sent_and_the_secret_only_where_operators_act() -> None:
    app = Scripted((200, b'{"projects": [], "tokens": []}'))
    with listening(app) as url, Client(url, "mine", "secret") as client:
        client.projects.list()
        client.tokens.list("main")
    assert [seen["headers"]["authorization"] for seen in app.seen] == [
        "Bearer mine",
        "Bearer secret",
    ]


def test_without_a_token_nothing_is_sent() -> None:
    app = Scripted((200, b"{}"))
    with listening(app) as url:
        link = Link(Endpoint(url))
        with pytest.raises(Unauthenticated, match="no token"):
            link.call(get("/me"))
    assert app.seen == []


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'"text"', b"{}", b'{"token_id": 7}', b"\xff\xfe"]
)
def test_an_answer_that_is_not_ours_is_told(body: bytes) -> None:
    with (
        listening(Scripted((200, body))) as url,
        Client(url, "t") as client,
        pytest.raises(ProtocolViolation) as caught,
    ):
        client.me()
    assert "VIBN_URL" in caught.value.hint


@pytest.mark.parametrize("status", [500, 404, 400])
def test_an_error_that_is_not_ours_is_told(status: int) -> None:
    with (
        listening(Scripted((status, b"<html>"))) as url,
        Client(url, "t") as client,
        pytest.raises(VibnError, match=f"answers {status}"),
    ):
        client.me()


def test_a_gateway_that_cannot_reach_the_server_is_told_as_such() -> None:
    with (
        listening(Scripted((502, b"<html>"))) as url,
        Client(url, "t") as client,
        pytest.raises(ServerUnreachable, match="502"),
    ):
        client.me()


def test_a_server_that_never_answers_does_not_hold_the_caller() -> None:
    with listening(_silent) as url:
        link = Link(Endpoint(url, "t"))
        with pytest.raises(DeadlineExceeded):
            link.call(Request("GET", "/me", deadline=0.3))


def test_nor_does_one_that_drips() -> None:
    with listening(_dripping) as url:
        link = Link(Endpoint(url, "t"))
        with pytest.raises(DeadlineExceeded):
            link.call(Request("GET", "/me", deadline=0.5))


async def test_nor_an_async_caller() -> None:
    with listening(_dripping) as url:
        link = AsyncLink(Endpoint(url, "t"))
        with pytest.raises(DeadlineExceeded):
            await link.call(Request("GET", "/me", deadline=0.5))


def test_a_stream_that_ends_early_is_told() -> None:
    body = b'event: stdout\ndata: {"base64": "aGk="}\n\n'
    with (
        listening(Scripted((200, body))) as url,
        Client(url, "t") as client,
        pytest.raises(ServerUnreachable, match="before its end"),
    ):
        client.sandbox("shop").commands.run("x", on_stdout=lambda _: None)


def test_an_error_within_a_stream_is_raised() -> None:
    told = {"error": {"code": "shutting_down", "message": "said", "hint": "", "retryable": True}}
    body = b"event: error\ndata: " + json.dumps(told).encode() + b"\n\n"
    with (
        listening(Scripted((200, body))) as url,
        Client(url, "t") as client,
        pytest.raises(ShuttingDown),
    ):
        client.sandbox("shop").commands.run("x", on_stdout=lambda _: None)


def test_a_missing_project_is_told(client: Client) -> None:
    with pytest.raises(ProjectNotFound):
        client.sandbox("nowhere").commands.run("true")


async def _silent(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(5)


async def _dripping(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(0.05)
