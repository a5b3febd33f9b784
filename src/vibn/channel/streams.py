"""Operations that go on for a while: a streamed command, a forwarded port, a watch, an archive.

Each is an async context manager: it starts on entering; leaving it before its end cancels it,
which ends its processes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from vibn.channel.call import StreamCall
from vibn.channel.connection import Connection
from vibn.channel.results import exec_result, file_changes, forwarded
from vibn.errors import ProtocolViolation
from vibn.outcomes import ExecResult, FileChange, Forwarded, Output

T = TypeVar("T")


class Streaming:
    """One request with streams, from entering to leaving."""

    OUTPUTS: tuple[str, ...] = ("out",)
    JOINER = b""
    _call: StreamCall

    def __init__(
        self,
        connection: Connection,
        op: str,
        args: dict[str, Any],
        body: bytes = b"",
        sends: bool = False,
    ) -> None:
        self._connection = connection
        self._op = op
        self._args = args
        self._body = body
        self._sends = sends

    async def __aenter__(self) -> Self:
        self._call = await self._connection.open(
            self._op,
            self._args,
            self._body,
            outputs=self.OUTPUTS,
            sends=self._sends,
            joiner=self.JOINER,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._call.stop(self._connection.deadlines.cancel)

    @property
    def done(self) -> bool:
        """True once it ended; what it sent before may still be unread."""
        return self._call.done

    async def cancel(self) -> None:
        """End it now, and wait a bounded time for that."""
        await self._call.stop(self._connection.deadlines.cancel)

    def _judged(self, build: Callable[[], T]) -> T:
        try:
            return build()
        except ProtocolViolation as error:
            self._connection.violated(error)
            raise


class Running(Streaming):
    """A streamed command. Iterate over it for its output; who does not iterate stops the command
    once the credit is used."""

    OUTPUTS = ("out", "err")

    def __init__(
        self,
        connection: Connection,
        args: dict[str, Any],
        body: bytes = b"",
        sends: bool = False,
        keep: int = 0,
    ) -> None:
        super().__init__(connection, "exec", args, body, sends)
        self._keep = keep

    def __aiter__(self) -> AsyncIterator[Output]:
        return self

    async def __anext__(self) -> Output:
        piece = await self._call.receive()
        if piece is None:
            raise StopAsyncIteration
        return Output(*piece)

    async def write(self, data: bytes) -> bool:
        """Write to its stdin, as fast as it reads. False when it ended before all was taken."""
        return await self._call.send(data)

    def close_stdin(self) -> None:
        self._call.send_eof()

    def signal(self, name: str) -> None:
        """Send a signal, such as ``INT``, to its process group."""
        self._call.control("signal", signal=name)

    def resize(self, rows: int, cols: int) -> None:
        """Change the size of its terminal."""
        self._call.control("resize", rows=rows, cols=cols)

    async def result(self) -> ExecResult:
        """How it ended; waits for that, and drops output that was not iterated over."""
        result, body = await self._call.finished()
        return self._judged(lambda: exec_result(result, body, self._keep))


class Tunnel(Streaming):
    """A TCP connection inside the box. A port where nothing listens is told by the first
    ``read``, ``write`` or ``result``: Unavailable."""

    async def read(self) -> bytes:
        """The next bytes; b"" once the other side closed its half."""
        piece = await self._call.receive()
        return piece[1] if piece is not None else b""

    async def write(self, data: bytes) -> bool:
        """False when the connection ended before all was taken."""
        taken = await self._call.send(data)
        if self._call.error is not None:
            raise self._call.error
        return taken

    def close_write(self) -> None:
        """Close our half; the other side may go on."""
        self._call.send_eof()

    async def result(self) -> Forwarded:
        """What it carried; waits for its end, and drops what was not read."""
        result, _ = await self._call.finished()
        return self._judged(lambda: forwarded(result))


class Watching(Streaming):
    """Changes of files, in batches, until it is left."""

    OUTPUTS = ("ev",)
    JOINER = b"\n"

    def __aiter__(self) -> AsyncIterator[tuple[FileChange, ...]]:
        return self

    async def __anext__(self) -> tuple[FileChange, ...]:
        piece = await self._call.receive()
        if piece is None:
            raise StopAsyncIteration
        return self._judged(lambda: file_changes(piece[1]))


class Packing(Streaming):
    """A tar archive of a directory, piece by piece."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._call.receive()
        if piece is None:
            await self._call.finished()
            raise StopAsyncIteration
        return piece[1]
