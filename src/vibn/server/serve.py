"""One server process: its parts opened in order, its loops, its signals, its end.

    TERM or INT   no new call is admitted; those under way get their grace, then their commands
                  are killed; connections are closed; loops, audit trail and store are closed
    again         connections are dropped at once

Boxes and their background jobs go on.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from vibn.app import App, Gate, open_app, open_gate
from vibn.config import Settings
from vibn.loops.supervisor import supervised
from vibn.server.asgi import make_asgi, make_mcp
from vibn.server.hosts import Hosts
from vibn.server.memory import settle
from vibn.server.metrics import Metrics
from vibn.services.admin import AdminSecret
from vibn.tools import STANDARD, AnyTool

log = logging.getLogger(__name__)

BACKLOG = 2048
HEADERS = 64 << 10
"""Bytes of a request's line and headers."""
LEAVING = 5
"""Seconds that connections get to take the last of their answers."""


@asynccontextmanager
async def running(
    settings: Settings,
    admin: AdminSecret,
    listening: socket.socket,
    tools: Sequence[AnyTool] = STANDARD,
) -> AsyncIterator[Server]:
    """A server that answers on ``listening`` for the block. Leaving it is the orderly end.

    Raises what opening its parts raises; see ``open_app`` and ``open_gate``.
    """
    async with open_app(settings) as app:
        server = Server(settings, app)
        metrics = Metrics(lambda: _gauges(app, server))
        async with open_gate(app, admin, metrics.call, tools) as gate:
            server.opened(gate)
            hosts = Hosts.of(settings)
            mcp = make_mcp(app, gate)
            asgi = make_asgi(app, gate, mcp, metrics, hosts, lambda: server.closing)
            loops = {"reconcile": app.reconciler.run, "warm pool": app.boxes.warm.run}
            async with mcp.run(), supervised(loops, server.stop), _http(asgi, listening, server):
                settle()
                yield server


class Server:
    """Says when it shall end, and to whom."""

    def __init__(self, settings: Settings, app: App) -> None:
        self._grace = settings.shutdown_grace
        self._stopped = asyncio.Event()
        self._hurried = asyncio.Event()
        self._gate: Gate | None = None
        self.app = app
        self.closing = False

    def opened(self, gate: Gate) -> None:
        self._gate = gate

    @property
    def gate(self) -> Gate:
        assert self._gate is not None
        return self._gate

    def stop(self) -> None:
        """Begin to end; a second time: at once. May be called from a signal's handler."""
        if self._stopped.is_set():
            self._hurried.set()
        self._stopped.set()

    @property
    def hurried(self) -> bool:
        return self._hurried.is_set()

    async def ended(self) -> None:
        """Wait until it shall end, then until its calls have."""
        await self._stopped.wait()
        await self.drain()

    async def drain(self) -> None:
        if self.closing:
            return
        self.closing = True
        tasks = [
            asyncio.create_task(self.gate.calls.close(self._grace), name="drain"),
            asyncio.create_task(self._hurried.wait(), name="hurry"),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.gate.calls.close(grace=0)


@contextmanager
def stopped_by_signals(server: Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class _Quiet(uvicorn.Server):
    """Signals are ours: calls end before connections do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _http(asgi: ASGIApp, listening: socket.socket, server: Server) -> AsyncIterator[None]:
    config = uvicorn.Config(
        asgi,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_ping_timeout=120,  # one who lets input wait reads no pongs meanwhile
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=HEADERS,
        timeout_graceful_shutdown=LEAVING,
        timeout_keep_alive=75,
    )
    http = _Quiet(config)
    task = asyncio.create_task(http.serve([listening]), name="http")
    try:
        while not http.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        task.add_done_callback(lambda _: server.stop())
        yield
    finally:
        await server.drain()
        http.should_exit = True
        http.force_exit = server.hurried
        await task


def _gauges(app: App, server: Server) -> dict[str, tuple[str, float]]:
    gate = server.gate
    return {
        "vibn_calls_open": ("Calls that are under way.", gate.calls.under_way),
        "vibn_kill_switches_on": ("Kill switches that are on.", len(gate.switchboard.switches.on)),
        "vibn_channels_open": ("Boxes that this server has a channel to.", len(app.pool)),
    }
