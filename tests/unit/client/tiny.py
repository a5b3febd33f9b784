"""The fake behind a real HTTP and WebSocket server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from vibn.client.testing import FakeServer
from vibn.client.testing.answer import Asked
from vibn.client.testing.feed import Feed
from vibn.client.testing.wires import FakeSocket
from vibn.errors import VibnError


class Tiny:
    """An ASGI app over the fake."""

    def __init__(self, fake: FakeServer) -> None:
        self._fake = fake

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode()))
        asked = Asked(scope["method"], scope["raw_path"].decode(), query, headers, body)
        told = await asyncio.to_thread(self._fake.handle, asked)
        raw = [(name.encode(), value.encode()) for name, value in told.headers.items()]
        if not isinstance(told.body, Feed):
            raw.append((b"content-length", str(len(told.body)).encode()))
        await send({"type": "http.response.start", "status": told.status, "headers": raw})
        if isinstance(told.body, Feed):
            await self._stream(told.body, receive, send)
        else:
            await send({"type": "http.response.body", "body": told.body})

    async def _stream(self, feed: Feed[bytes], receive: Any, send: Any) -> None:
        async def left() -> None:
            await receive()
            feed.close()

        leaving = asyncio.create_task(left())
        while (piece := await asyncio.to_thread(feed.take)) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        leaving.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _socket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            inner = FakeSocket(self._fake, f"http://x{scope['path']}", token)
        except VibnError:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        pump = asyncio.create_task(self._pump(inner, send))
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("text") or message.get("bytes") or b""
            await asyncio.to_thread(inner.send, data)
        inner.close()
        await asyncio.wait([pump])

    async def _pump(self, inner: FakeSocket, send: Any) -> None:
        try:
            while (message := await asyncio.to_thread(inner.receive, None)) is not None:
                kind = "bytes" if isinstance(message, bytes) else "text"
                await send({"type": "websocket.send", kind: message})
            await send({"type": "websocket.close", "code": 1000})
        except VibnError:
            return


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of ``app``, served by a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        listener.close()


def problem(code: str, status: int, **more: Any) -> tuple[int, bytes]:
    told = {"code": code, "message": "said", "hint": "", "retryable": True, "detail": {}, **more}
    return status, json.dumps({"error": told}).encode()
