# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/running.py.
"""A command that runs, at the other end of a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vibn.client import messages
from vibn.client._sync.link import Link
from vibn.client.decode import misfit
from vibn.client.messages import Opening, Size, Started
from vibn.client.problem import ended_early
from vibn.client.request import STARTING
from vibn.client.values import CommandResult, Output
from vibn.client.wires.blocking import Socket
from vibn.errors import VibnError

GRACE = 60.0
"""Seconds after its own time limit that a command may need to be ended."""
PIECE = 1 << 16
"""Bytes of input in one message."""


class RunningCommand:
    """Iterate it for its output, then ask for its ``result``. Input, signals and sizes may be
    sent from elsewhere meanwhile."""

    def __init__(self, socket: Socket, seconds: float | None, url: str) -> None:
        self._socket = socket
        self._seconds = seconds
        self._url = url
        self._ended: CommandResult | None = None

    def __iter__(self) -> Iterator[Output]:
        while self._ended is None:
            piece = self._next(self._seconds)
            if isinstance(piece, Output):
                yield piece

    def result(self) -> CommandResult:
        """How it ended; waits for that, and passes over output that was not read. The result's
        ``stdout`` and ``stderr`` are empty. Raises ServerUnreachable when it is not known."""
        while self._ended is None:
            self._next(self._seconds)
        return self._ended

    def write(self, data: bytes) -> None:
        """To its stdin. Returns once the connection has taken it."""
        for start in range(0, len(data), PIECE):
            self._socket.send(data[start : start + PIECE])

    def close_stdin(self) -> None:
        self._socket.send(messages.EOF_MESSAGE)

    def signal(self, name: str) -> None:
        """To the command: ``INT``, ``TERM``, ``KILL``..."""
        self._socket.send(messages.signal(name))

    def resize(self, rows: int, cols: int) -> None:
        """Of its terminal, if it has one."""
        self._socket.send(messages.resize(Size(rows, cols)))

    def kill(self) -> None:
        """End it now, with all it started, by leaving it."""
        self._socket.close()

    def begin(self, opening: Opening) -> None:
        """Raises why it could not be started."""
        self._socket.send(opening.text())
        if not isinstance(self._next(STARTING), Started):
            raise misfit("output before the command had started")

    def _next(self, seconds: float | None) -> Output | Started | None:
        message = self._socket.receive(seconds)
        if message is None:
            raise ended_early(self._url)
        told = messages.received(message)
        if isinstance(told, VibnError):
            raise told
        if isinstance(told, CommandResult):
            self._ended = told
            return None
        return told


@contextmanager
def started(link: Link, path: str, opening: Opening) -> Iterator[RunningCommand]:
    """A command that has started; leaving the block ends it."""
    seconds = None if opening.timeout is None else opening.timeout + GRACE
    socket = link.socket(path)
    running = RunningCommand(socket, seconds, link.endpoint.url)
    try:
        running.begin(opening)
        yield running
    finally:
        socket.close()
