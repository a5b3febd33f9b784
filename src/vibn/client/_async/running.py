"""A command that runs, at the other end of a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vibn.client import messages
from vibn.client._async.link import AsyncLink
from vibn.client.decode import misfit
from vibn.client.messages import Opening, Size, Started
from vibn.client.problem import ended_early
from vibn.client.request import STARTING
from vibn.client.values import CommandResult, Output
from vibn.client.wires.asynchronous import AsyncSocket
from vibn.errors import VibnError

GRACE = 60.0
"""Seconds after its own time limit that a command may need to be ended."""
PIECE = 1 << 16
"""Bytes of input in one message."""


class AsyncRunningCommand:
    """Iterate it for its output, then ask for its ``result``. Input, signals and sizes may be
    sent from elsewhere meanwhile."""

    def __init__(self, socket: AsyncSocket, seconds: float | None, url: str) -> None:
        self._socket = socket
        self._seconds = seconds
        self._url = url
        self._ended: CommandResult | None = None

    async def __aiter__(self) -> AsyncIterator[Output]:
        while self._ended is None:
            piece = await self._next(self._seconds)
            if isinstance(piece, Output):
                yield piece

    async def result(self) -> CommandResult:
        """How it ended; waits for that, and passes over output that was not read. The result's
        ``stdout`` and ``stderr`` are empty. Raises ServerUnreachable when it is not known."""
        while self._ended is None:
            await self._next(self._seconds)
        return self._ended

    async def write(self, data: bytes) -> None:
        """To its stdin. Returns once the connection has taken it."""
        for start in range(0, len(data), PIECE):
            await self._socket.send(data[start : start + PIECE])

    async def close_stdin(self) -> None:
        await self._socket.send(messages.EOF_MESSAGE)

    async def signal(self, name: str) -> None:
        """To the command: ``INT``, ``TERM``, ``KILL``..."""
        await self._socket.send(messages.signal(name))

    async def resize(self, rows: int, cols: int) -> None:
        """Of its terminal, if it has one."""
        await self._socket.send(messages.resize(Size(rows, cols)))

    async def kill(self) -> None:
        """End it now, with all it started, by leaving it."""
        await self._socket.close()

    async def begin(self, opening: Opening) -> None:
        """Raises why it could not be started."""
        await self._socket.send(opening.text())
        if not isinstance(await self._next(STARTING), Started):
            raise misfit("output before the command had started")

    async def _next(self, seconds: float | None) -> Output | Started | None:
        message = await self._socket.receive(seconds)
        if message is None:
            raise ended_early(self._url)
        told = messages.received(message)
        if isinstance(told, VibnError):
            raise told
        if isinstance(told, CommandResult):
            self._ended = told
            return None
        return told


@asynccontextmanager
async def async_started(
    link: AsyncLink, path: str, opening: Opening
) -> AsyncIterator[AsyncRunningCommand]:
    """A command that has started; leaving the block ends it."""
    seconds = None if opening.timeout is None else opening.timeout + GRACE
    socket = await link.socket(path)
    running = AsyncRunningCommand(socket, seconds, link.endpoint.url)
    try:
        await running.begin(opening)
        yield running
    finally:
        await socket.close()
