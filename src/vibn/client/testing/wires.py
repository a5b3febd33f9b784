"""The wires to the fake: no network, all else as it is."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from vibn.client.problem import broken, late
from vibn.client.testing.answer import Asked, Told, shape
from vibn.client.testing.feed import Feed
from vibn.client.testing.process import FakeProcess, shell_result
from vibn.client.wires.asynchronous import AsyncSocket
from vibn.client.wires.blocking import Socket
from vibn.errors import Unauthenticated, VibnError

if TYPE_CHECKING:
    from vibn.client.testing.server import FakeServer

NOBODY = "The token is not one that was issued here."


class Memory:
    """Of the blocking client."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.transport: httpx2.BaseTransport | None = _Transport(server)

    def connect(self, address: str, token: str, seconds: float) -> Socket:  # noqa: ARG002
        return FakeSocket(self._server, address, token)

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))


class AsyncMemory:
    """Of the async client."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.transport: httpx2.AsyncBaseTransport | None = _AsyncTransport(server)

    async def connect(self, address: str, token: str, seconds: float) -> AsyncSocket:  # noqa: ARG002
        return _AsyncSocket(FakeSocket(self._server, address, token))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


class _Transport(httpx2.BaseTransport):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._server.handle(_asked(request, request.read()))
        if isinstance(answer.body, Feed):
            return httpx2.Response(
                answer.status, headers=dict(answer.headers), stream=_Pieces(answer.body)
            )
        return _response(answer, answer.body)


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = _asked(request, await request.aread())
        answer = await asyncio.to_thread(self._server.handle, asked)
        if isinstance(answer.body, Feed):
            return httpx2.Response(
                answer.status, headers=dict(answer.headers), stream=_AsyncPieces(answer.body)
            )
        return _response(answer, answer.body)


def _asked(request: httpx2.Request, body: bytes) -> Asked:
    path = request.url.raw_path.decode().partition("?")[0]
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.method, path, dict(request.url.params), headers, body)


def _response(answer: Told, body: bytes) -> httpx2.Response:
    return httpx2.Response(answer.status, headers=dict(answer.headers), content=body)


class _Pieces(httpx2.SyncByteStream):
    def __init__(self, feed: Feed[bytes]) -> None:
        self._feed = feed

    def __iter__(self) -> Iterator[bytes]:
        yield from self._feed

    def close(self) -> None:
        self._feed.close()


class _AsyncPieces(httpx2.AsyncByteStream):
    def __init__(self, feed: Feed[bytes]) -> None:
        self._feed = feed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (piece := await asyncio.to_thread(self._feed.take)) is not None:
                yield piece
        finally:
            self._feed.close()

    async def aclose(self) -> None:
        self._feed.close()


class FakeSocket:
    """The server's end of a running command, in the caller's hands."""

    def __init__(self, server: FakeServer, address: str, token: str) -> None:
        """Raises Unauthenticated, as the server refuses the socket."""
        if token not in server.tokens:
            raise Unauthenticated(NOBODY)
        self._server = server
        self._path = urlsplit(address).path
        self._headers = {"authorization": f"Bearer {token}"}
        self._process: FakeProcess | None = None
        self._messages: Feed[str | bytes] = Feed(self._left)
        self._url = server.url

    def send(self, message: str | bytes) -> None:
        if self._messages.closed:
            raise broken(self._url)
        if self._process is None:
            self._begin(json.loads(message))
        elif isinstance(message, bytes):
            self._process.stdin.put(message)
        else:
            _apply(json.loads(message), self._process)

    def receive(self, seconds: float | None) -> str | bytes | None:
        if self._messages.closed:
            raise broken(self._url)
        try:
            return self._messages.take(seconds)
        except TimeoutError:
            raise late(self._url) from None

    def close(self) -> None:
        self._messages.close()

    def _left(self) -> None:
        if self._process is not None:
            self._process.kill("KILL")

    def _begin(self, body: dict[str, Any]) -> None:
        try:
            self._process = self._server.opened(self._path, self._headers, body)
        except VibnError as error:
            self._messages.put(json.dumps({"type": "error", **shape(error)}))
            self._messages.end()
            return
        self._messages.put(json.dumps({"type": "started"}))
        threading.Thread(target=self._pump, args=(self._process,), daemon=True).start()

    def _pump(self, process: FakeProcess) -> None:
        for stream, data in process.output:
            self._messages.put((b"\x01" if stream == "stdout" else b"\x02") + data)
        self._messages.put(json.dumps({"type": "exit", "result": shell_result(process)}))
        self._messages.end()


class _AsyncSocket:
    def __init__(self, socket: FakeSocket) -> None:
        self._socket = socket

    async def send(self, message: str | bytes) -> None:
        await asyncio.to_thread(self._socket.send, message)

    async def receive(self, seconds: float | None) -> str | bytes | None:
        return await asyncio.to_thread(self._socket.receive, seconds)

    async def close(self) -> None:
        self._socket.close()


def _apply(told: dict[str, Any], process: FakeProcess) -> None:
    match told["type"]:
        case "eof":
            process.stdin.end()
        case "resize":
            process.resize(told["rows"], told["cols"])
        case "signal":
            process.kill(told["name"])
