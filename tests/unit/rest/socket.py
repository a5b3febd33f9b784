"""A WebSocket client in the loop of the test, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message


class Socket:
    """``sent`` by the server, in order."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.outbox: asyncio.Queue[Message] = asyncio.Queue()
        self.inbox.put_nowait({"type": "websocket.connect"})

    def tell(self, message: Mapping[str, object] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.inbox.put_nowait({"type": "websocket.receive", "text": text})

    def give(self, data: bytes) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "bytes": data})

    def leave(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def message(self) -> Message:
        async with asyncio.timeout(20):
            return await self.outbox.get()

    async def told(self) -> Any:
        """The next text message; output on the way is left out."""
        while True:
            message = await self.message()
            if message.get("text") is not None:
                return json.loads(message["text"])

    async def until(self, piece: bytes) -> bytes:
        """All output up to one that holds ``piece``."""
        output = b""
        while piece not in output:
            message = await self.message()
            output += (message.get("bytes") or b"")[1:]
        return output


@asynccontextmanager
async def connected(
    app: ASGIApp, path: str, headers: Mapping[str, str]
) -> AsyncIterator[tuple[Socket, asyncio.Task[None]]]:
    """The socket, and the task that serves it."""
    socket = Socket()
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": raw,
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def send(message: Message) -> None:
        socket.outbox.put_nowait(message)

    serving = asyncio.ensure_future(app(scope, socket.inbox.get, send))  # type: ignore[arg-type]
    try:
        yield socket, serving  # type: ignore[misc]
    finally:
        socket.leave()
        async with asyncio.timeout(20):
            await serving
