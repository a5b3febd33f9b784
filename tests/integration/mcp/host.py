"""The MCP surface on a real socket, in the loop of the test."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from vibn.mcp import McpSurface
from vibn.server.hosts import HostGuard, Hosts


def request_ids() -> Callable[[Scope], str]:
    numbers = itertools.count(1)
    return lambda _: f"r{next(numbers)}"


class Bearing:
    """Adds a token to requests that carry none: for programs that cannot be told one."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"authorization" not in dict(scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], self._header]}
        await self._app(scope, receive, send)


def app_of(surface: McpSurface) -> ASGIApp:
    app = Starlette(routes=surface.routes(), lifespan=lambda _: surface.run())
    app.router.redirect_slashes = False
    return HostGuard(app, Hosts(["localhost"], []))


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The address of ``app`` for the block, such as ``http://127.0.0.1:40000``."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http="httptools", log_level="warning", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()
