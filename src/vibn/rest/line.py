"""The WebSocket of one terminal: what comes is bounded, what goes waits for the client."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping

from starlette.websockets import WebSocket, WebSocketDisconnect

from vibn.errors import DeadlineExceeded, InvalidInput, TooLarge, VibnError
from vibn.outcomes import Output
from vibn.problem import shape
from vibn.rest.beside import Gone
from vibn.rest.messages import Begin, Control, Eof, Resize, begin_in, control_in
from vibn.rest.visit import encoded
from vibn.services.shell import ShellResult, ShellStream

FIRST = 10.0
"""Seconds in which the first message must come."""
MAX_TEXT = 256 * 1024
MAX_BINARY = 1 << 20
MAX_WAITING = 4 << 20
"""Bytes of stdin that wait for a command which does not read."""
LOOK = 5.0
"""Seconds between two looks whether a client whose input is not taken is still there."""
STALLED = 300.0
_STREAMS = {"out": b"\x01", "err": b"\x02"}


class Line:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._begin: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stdin: deque[bytes] = deque()
        self._waiting = 0
        self._eof = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._early: list[Control] = []
        self._run: ShellStream | None = None
        self.size = 0

    # from the client

    async def listen(self) -> None:
        """Never returns. Raises Gone once the client left, InvalidInput and TooLarge for what it
        may not send."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise Gone
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                self._heard(_bounded(text))
            elif data:
                await self._take(data)

    async def first(self) -> Begin:
        """Raises DeadlineExceeded, InvalidInput."""
        try:
            async with asyncio.timeout(FIRST):
                text = await self._begin
        except TimeoutError:
            raise DeadlineExceeded(
                f"The first message did not come within {FIRST:g} seconds.",
                hint="Send what to run as the first text message.",
            ) from None
        return begin_in(text)

    def _heard(self, text: str) -> None:
        if not self._begin.done():
            self._begin.set_result(text)
            return
        control = control_in(text)
        if isinstance(control, Eof):
            self._eof = True
            self._changed.set()
        elif self._run is not None:
            _apply(control, self._run)
        elif len(self._early) < 100:
            self._early.append(control)

    async def _take(self, data: bytes) -> None:
        if not self._begin.done():
            raise InvalidInput("Input came before the message that says what to run.")
        if len(data) > MAX_BINARY:
            raise TooLarge(f"A message of input has at most {MAX_BINARY} bytes.", hint="Split it.")
        if self._eof:
            raise InvalidInput("Input came after its end.")
        self._stdin.append(data)
        self._waiting += len(data)
        self._changed.set()
        while self._waiting > MAX_WAITING:
            await self._room()

    async def _room(self) -> None:
        """Wait until some was taken. While nothing is received, a client that left is seen only
        by sending: a piece of stdout without a byte, which means nothing."""
        self._taken.clear()
        try:
            async with asyncio.timeout(LOOK):
                await self._taken.wait()
        except TimeoutError:
            await self._send({"type": "websocket.send", "bytes": _STREAMS["out"]})

    async def feed(self, run: ShellStream) -> None:
        """Give the input to the command as fast as it reads, to the end of the input."""
        self._run = run
        for control in self._early:
            _apply(control, run)
        while True:
            while self._stdin:
                data = self._stdin.popleft()
                await run.write(data)
                self._waiting -= len(data)
                self._taken.set()
            if self._eof:
                run.close_stdin()
                return
            self._changed.clear()
            await self._changed.wait()

    # to the client

    async def started(self) -> None:
        await self._tell({"type": "started"})

    async def output(self, piece: Output) -> None:
        await self._send({"type": "websocket.send", "bytes": _STREAMS[piece.stream] + piece.data})
        self.size += len(piece.data)

    async def ended(self, result: ShellResult) -> None:
        await self._tell({"type": "exit", "result": json.loads(encoded(result))})
        await self._send({"type": "websocket.close", "code": 1000, "reason": ""})

    async def failed(self, error: VibnError) -> None:
        try:
            await self._tell({"type": "error", **shape(error)})
            await self._send({"type": "websocket.close", "code": 1000, "reason": ""})
        except Gone:
            pass  # there is nobody to tell

    async def _tell(self, message: Mapping[str, object]) -> None:
        text = json.dumps(message, separators=(",", ":"))
        await self._send({"type": "websocket.send", "text": text})

    async def _send(self, message: dict[str, object]) -> None:
        """Raises Gone, also for a client that takes nothing any more."""
        try:
            async with asyncio.timeout(STALLED):
                await self._socket.send(message)
        except (WebSocketDisconnect, TimeoutError, RuntimeError):
            raise Gone from None


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise TooLarge(f"A text message has at most {MAX_TEXT} characters.")
    return text


def _apply(control: Control, run: ShellStream) -> None:
    if isinstance(control, Resize):
        run.resize(control.rows, control.cols)
    elif not isinstance(control, Eof):
        run.signal(control.name)
