"""One request in flight: a future for a plain one, queues with credit for one with streams."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from vibn.agent.frames import WINDOW
from vibn.channel.deadlines import FOREVER
from vibn.errors import ProtocolViolation, VibnError

PIECE = 64 * 1024
"""Bytes of a stream that are sent in one frame, so that requests share the connection."""

CREDIT_LIMIT = 1 << 40
QUEUE_LIMIT = 64
"""Received pieces kept apart; above it small pieces are joined, so that memory follows bytes."""

Answer = tuple[dict[str, Any], bytes]


class Call:
    """A request that is answered once and has no streams."""

    __slots__ = ("cancelled", "deadline", "future", "id")

    def __init__(self, id: int, future: asyncio.Future[Answer] | None, deadline: float) -> None:
        self.id = id
        self.future = future
        """None: nobody waits any more."""
        self.deadline = deadline
        """The loop's time at which waiting ends."""
        self.cancelled = False

    def answer(self, result: dict[str, Any], body: bytes) -> None:
        future = self.future
        if future is not None and not future.done():
            future.set_result((result, body))

    def fail(self, error: VibnError) -> None:
        future = self.future
        if future is not None and not future.done():
            future.set_exception(error)

    def forget(self) -> None:
        """Nobody waits for the answer; it is dropped when it comes."""
        self.future = None

    def got_data(self, _stream: object, _data: bytes, /) -> None:
        raise ProtocolViolation("The agent sent data of a stream that the request does not have.")

    def got_eof(self, _stream: object, /) -> None:
        raise ProtocolViolation("The agent ended a stream that the request does not have.")

    def got_credit(self, _stream: object, _n: object, /) -> None:
        raise ProtocolViolation("The agent gave credit for a stream that is not there.")


class Wire(Protocol):
    """What a stream needs of its connection."""

    def write(self, header: dict[str, Any], body: bytes | memoryview = b"") -> None: ...

    async def writable(self) -> None:
        """Returns when the connection takes more bytes; raises when it ended."""
        ...

    def cancel(self, call: Call) -> None:
        """Ask the agent to end ``call``; the answer still comes."""
        ...

    def abandon(self, call: Call) -> None:
        """Wait no more for ``call``, which was cancelled."""
        ...


class StreamCall(Call):
    """A request with streams. One task reads, one writes; memory is bounded by the credit.

    ``outputs`` are the agent's streams. ``joiner`` goes between pieces that are joined.
    """

    __slots__ = (
        "_closed",
        "_credit",
        "_ended",
        "_granted",
        "_joiner",
        "_loop",
        "_queue",
        "_sends",
        "_tails",
        "_taken",
        "_waiters",
        "_wire",
        "error",
        "result",
    )

    def __init__(
        self,
        id: int,
        wire: Wire,
        outputs: tuple[str, ...],
        *,
        sends: bool = False,
        joiner: bytes = b"",
    ) -> None:
        super().__init__(id, None, FOREVER)
        self.result: Answer | None = None
        self.error: VibnError | None = None
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._granted = dict.fromkeys(outputs, WINDOW)
        self._taken = dict.fromkeys(outputs, 0)
        self._ended: set[str] = set()
        self._queue: deque[tuple[str, bytes | bytearray]] | None = deque()
        self._tails: dict[str, bytearray] = {}
        self._joiner = joiner
        self._sends = sends
        self._closed = False
        self._credit = WINDOW
        self._waiters: list[asyncio.Future[None]] = []

    # From the connection

    def answer(self, result: dict[str, Any], body: bytes) -> None:
        self.result = (result, body)
        self._wake()

    def fail(self, error: VibnError) -> None:
        self.error = error
        self._wake()

    def forget(self) -> None:
        self._queue = None
        self._tails.clear()

    def got_data(self, stream: object, data: bytes, /) -> None:
        if type(stream) is not str or stream not in self._granted or stream in self._ended:
            raise ProtocolViolation("The agent sent data of an unknown or ended stream.")
        if not data:
            raise ProtocolViolation("The agent sent a piece of a stream without a byte.")
        left = self._granted[stream] - len(data)
        if left < 0:
            raise ProtocolViolation("The agent sent more of a stream than it had credit for.")
        self._granted[stream] = left
        queue = self._queue
        if queue is None:
            return
        if len(queue) < QUEUE_LIMIT:
            queue.append((stream, data))
        elif (tail := self._tails.get(stream)) is None:
            self._tails[stream] = tail = bytearray(data)
            queue.append((stream, tail))
        else:
            tail += self._joiner
            tail += data
        self._wake()

    def got_eof(self, stream: object, /) -> None:
        if type(stream) is not str or stream not in self._granted or stream in self._ended:
            raise ProtocolViolation("The agent ended an unknown or ended stream.")
        self._ended.add(stream)
        self._wake()

    def got_credit(self, stream: object, n: object, /) -> None:
        if not self._sends or stream != "in" or type(n) is not int or n < 1:
            raise ProtocolViolation("The agent gave a wrong credit.")
        self._credit += n
        if self._credit > CREDIT_LIMIT:
            raise ProtocolViolation("The agent gave more credit than any stream needs.")
        self._wake()

    # For the user

    @property
    def done(self) -> bool:
        """True once the answer or the error is there; received pieces may still be unread."""
        return self.result is not None or self.error is not None

    async def receive(self) -> tuple[str, bytes] | None:
        """The next piece, as (stream, bytes); None after the last one.

        Taking pieces is what gives the agent credit: who does not read stops the sender. Raises
        the request's error after the pieces that came before it.
        """
        while True:
            if self._queue:
                stream, data = self._queue.popleft()
                if type(data) is bytearray:
                    self._tails.pop(stream, None)
                    data = bytes(data)
                self._took(stream, len(data))
                return stream, data  # type: ignore[return-value]
            if self.error is not None:
                raise self.error
            if self.result is not None or len(self._ended) == len(self._granted):
                return None
            await self._changed()

    async def send(self, data: bytes | memoryview, within: float | None = None) -> bool:
        """Send ``data`` on stream ``in``, as fast as the other side takes it. False when the
        request ended before all of it was sent.

        ``within``: seconds that each PIECE of it may take, else the request ends with
        DeadlineExceeded; afterwards it has no deadline until one is set.
        """
        view = memoryview(data)
        left = 0  # of the piece whose time runs; crumbs of credit buy no time
        while len(view):
            if self.done:
                return False
            if within is not None and not left:
                left = PIECE
                self.expire_in(within)
            await self._wire.writable()
            size = min(len(view), left or PIECE, self._credit)
            if not size:
                await self._changed()
                continue
            self._credit -= size
            left = max(0, left - size)
            self._wire.write({"t": "data", "id": self.id, "s": "in"}, view[:size])
            view = view[size:]
        if within is not None:
            self.expire_in(FOREVER)
        return not self.done

    def send_eof(self) -> None:
        """End stream ``in``. Doing it again is no error."""
        if self._sends and not self._closed and not self.done:
            self._closed = True
            self._wire.write({"t": "eof", "id": self.id, "s": "in"})

    def control(self, do: str, **more: object) -> None:
        if not self.done:
            self._wire.write({"t": "ctl", "id": self.id, "do": do, **more})

    async def finished(self) -> Answer:
        """The answer; what was not received is dropped. Raises the request's error."""
        while not self.done:
            if await self.receive() is None and not self.done:
                await self._changed()
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result

    def expire_in(self, seconds: float) -> None:
        """From now on the answer may take at most ``seconds``."""
        self.deadline = self._loop.time() + seconds

    async def stop(self, wait: float) -> None:
        """Cancel the request and wait at most ``wait`` seconds for its end."""
        if self.done:
            return
        self.forget()
        self._wire.cancel(self)
        try:
            async with asyncio.timeout(wait):
                while not self.done:
                    await self._changed()
        except TimeoutError:
            pass
        finally:
            if not self.done:
                self._wire.abandon(self)

    # Inside

    def _took(self, stream: str, size: int) -> None:
        taken = self._taken[stream] + size
        if taken >= WINDOW // 2 and not self.done:
            self._wire.write({"t": "credit", "id": self.id, "s": stream, "n": taken})
            self._granted[stream] += taken
            taken = 0
        self._taken[stream] = taken

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def _wake(self) -> None:
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
