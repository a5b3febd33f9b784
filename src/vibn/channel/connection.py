"""One connection to an agent: frames in and out, requests, credit, liveness.

The peer is hostile. Whatever it sends that is not the protocol ends the connection with
ProtocolViolation for every request in flight, and memory stays within one frame, plus for each
stream its credit, plus what our own callers wait to send.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Self, cast

from vibn import __version__
from vibn.agent.frames import PROTOCOL, Decoder, FrameError, encode
from vibn.channel.call import Answer, Call, StreamCall
from vibn.channel.deadlines import FOREVER, Deadlines
from vibn.channel.gate import Allowance, Gate
from vibn.channel.hello import Hello, read_hello
from vibn.channel.pulse import TICKS, Beat, Pulse
from vibn.channel.refusal import another, read_refusal
from vibn.errors import (
    AgentLost,
    DeadlineExceeded,
    InvalidInput,
    LimitReached,
    ProtocolViolation,
    TooLarge,
    VibnError,
)

RECEIVE_BUFFER = 256 * 1024
"""Bytes that are received at once. All connections of a thread share the memory: what lies in it
is used up before the next of them receives."""
WRITE_BUFFER = 1024 * 1024
"""Bytes that may wait to be sent before new requests and stream pieces wait too."""

MAX_CALLS = 256
"""Requests at once, cancelled ones that have not ended included; one more waits."""
MAX_ABANDONED = 64
"""Cancelled requests that never ended, before the agent counts as lost."""

IDLE_BURST = 200.0
IDLE_RATE = 20.0
"""Frames that carry nothing (pings, late credit): at most this many at once, and a second."""


class _Received(threading.local):
    def __init__(self) -> None:
        self.memory = memoryview(bytearray(RECEIVE_BUFFER))


_received = _Received()


class Connection(asyncio.BufferedProtocol):
    """Made by ``connect``. Belongs to one event loop."""

    hello: Hello

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._calls: dict[int, Call] = {}
        self._last_id = 0
        self._failure: VibnError | None = None
        self._paused = False
        self._gate = Gate()
        self._abandoned: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._pulse = Pulse()
        self._idle = Allowance(IDLE_BURST, IDLE_RATE)
        self._greeting: asyncio.Future[Hello] | None = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # The user's side

    @classmethod
    async def connect(cls, sock: socket.socket, deadlines: Deadlines | None = None) -> Self:
        """A greeted connection over ``sock``, a connected non-blocking stream socket, which it
        owns from now on. Raises AgentLost or ProtocolViolation; then the socket is closed."""
        self = cls(deadlines or Deadlines())
        greeting = self._greeting
        assert greeting is not None
        try:
            await self._loop.create_connection(lambda: self, sock=sock)
            async with asyncio.timeout(self.deadlines.handshake):
                self.hello = await greeting
        except TimeoutError:
            error = AgentLost(f"The agent did not greet within {self.deadlines.handshake:g} s.")
            self._end(error)
            raise error from None
        except VibnError:
            raise
        except OSError as error:
            self._end(AgentLost("The connection to the agent failed."))
            raise AgentLost(f"The connection to the agent failed: {error.strerror}") from error
        except BaseException:
            self._end(AgentLost("The connection was given up before the greeting."))
            raise
        finally:
            if self._failure is not None and not hasattr(self, "_transport"):
                sock.close()
        return self

    @property
    def closed(self) -> bool:
        return self._failure is not None

    @property
    def in_flight(self) -> int:
        """Requests that are not answered."""
        return len(self._calls)

    async def request(
        self,
        op: str,
        args: dict[str, Any],
        body: bytes | memoryview = b"",
        deadline: float = FOREVER,
    ) -> Answer:
        """The result and the body of ``op``, not validated. ``deadline`` is in seconds.

        When the awaiting task is cancelled, so is the request: its processes are ended before
        CancelledError goes on, or ``deadlines.cancel`` seconds passed. Raises what the agent
        answered, AgentLost, ProtocolViolation, DeadlineExceeded.
        """
        if self._failure is not None or self._paused or self._gate or len(self._calls) >= MAX_CALLS:
            await self._room()
        self._last_id = id = self._last_id + 1
        frame = _frame({"t": "req", "id": id, "op": op, "a": args}, body)
        loop = self._loop
        future: asyncio.Future[Answer] = loop.create_future()
        call = self._calls[id] = Call(id, future, loop.time() + deadline)
        self._transport.write(frame)
        if self._timer is None:
            self._watch()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.exception()  # it came at the same moment, and nobody will look at it
            await self._stop(call)
            raise

    async def open(
        self,
        op: str,
        args: dict[str, Any],
        body: bytes = b"",
        *,
        outputs: tuple[str, ...] = (),
        sends: bool = False,
        joiner: bytes = b"",
    ) -> StreamCall:
        """Start ``op`` with streams: ``outputs`` from the agent, and ``in`` when ``sends``. Who
        opens it must bring it to its end, or ``stop`` it."""
        if self._failure is not None or self._paused or self._gate or len(self._calls) >= MAX_CALLS:
            await self._room()
        self._last_id = id = self._last_id + 1
        frame = _frame({"t": "req", "id": id, "op": op, "a": args}, body)
        call = StreamCall(id, self, outputs, sends=sends, joiner=joiner)
        self._calls[id] = call
        self._transport.write(frame)
        if self._timer is None:
            self._watch()
        return call

    def violated(self, error: ProtocolViolation) -> None:
        """End the connection: an answer had the wrong shape."""
        self._end(error)

    async def close(self) -> None:
        """Close; requests in flight get AgentLost, and the agent ends their processes."""
        self._end(AgentLost("The connection to the agent was closed by this side."))
        await asyncio.shield(self._gone)

    # For calls with streams

    def write(self, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
        if self._failure is None:
            self._transport.write(encode(header, body))

    async def writable(self) -> None:
        while self._paused and self._failure is None:
            await self._wait()
        if self._failure is not None:
            raise another(self._failure)

    def cancel(self, call: Call) -> None:
        call.cancelled = True
        self.write({"t": "cancel", "id": call.id})

    def abandon(self, call: Call) -> None:
        call.forget()
        if call.id in self._calls:
            self._abandoned.add(call.id)
            if len(self._abandoned) > MAX_ABANDONED:
                self._end(AgentLost("The agent does not end what was cancelled."))

    # From the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not of asyncio's own class on every event loop.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        if self._failure is not None:
            self._transport.abort()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _received.memory

    def buffer_updated(self, nbytes: int) -> None:
        self._pulse.quiet = 0
        try:
            for header, body in self._decoder.feed(_received.memory[:nbytes]):
                if self._failure is not None:
                    return
                self._on_frame(header, body)
        except FrameError as error:
            self._end(ProtocolViolation(f"The agent's bytes are no frames: {error}."))
        except ProtocolViolation as error:
            self._end(error)

    def eof_received(self) -> bool:
        self._end(AgentLost("The agent went away."))
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._end(AgentLost("The connection to the agent broke."))
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._gate.let_all()

    # Frames

    def _on_frame(self, header: dict[str, Any], body: bytes) -> None:
        if self._greeting is not None:
            self._on_greeting(header)
            return
        kind = header.get("t")
        id = header.get("id")
        call = self._calls.get(id) if type(id) is int else None
        if call is None:
            self._on_idle(kind, header)
        elif kind == "end":
            result = header.get("r")
            if type(result) is not dict:
                raise ProtocolViolation("The agent sent an end without a result.")
            self._forget(call)
            call.answer(result, body)
        elif kind == "data":
            call.got_data(header.get("s"), body)
        elif kind == "error":
            error = read_refusal(header, call.cancelled)
            self._forget(call)
            call.fail(error)
        elif kind == "credit":
            call.got_credit(header.get("s"), header.get("n"))
        elif kind == "eof":
            call.got_eof(header.get("s"))
        else:
            raise ProtocolViolation("The agent sent an unknown frame about a request.")

    def _on_greeting(self, header: dict[str, Any]) -> None:
        greeting = self._greeting
        assert greeting is not None
        if header.get("t") == "bye":
            self._on_bye(header)
            return
        hello = read_hello(header)
        self._greeting = None
        self.write({"t": "hello", "protocol": PROTOCOL, "version": __version__})
        if not greeting.done():
            greeting.set_result(hello)

    def _on_idle(self, kind: object, header: dict[str, Any]) -> None:
        """A frame that is about no request in flight."""
        if kind == "bye":
            self._on_bye(header)
            return
        if not self._idle.take(self._loop.time()):
            raise ProtocolViolation("The agent floods the connection with empty frames.")
        if kind == "ping":
            n = header.get("n")
            if type(n) is not int or not 0 <= n < 1 << 62:
                raise ProtocolViolation("The agent sent a ping without a number.")
            if not self._paused:
                self.write({"t": "pong", "n": n})
        elif kind == "credit":
            id = header.get("id")
            if type(id) is not int or not 0 < id <= self._last_id:
                raise ProtocolViolation("The agent gave credit to a request that never was.")
        elif kind != "pong":
            raise ProtocolViolation("The agent sent an unknown frame, or one about no request.")

    def _on_bye(self, header: dict[str, Any]) -> None:
        reason = header.get("reason")
        if reason == "replaced":
            error = AgentLost("The agent was replaced by another version of itself.")
        elif reason == "shutdown":
            error = AgentLost("The agent was shut down.")
        elif reason == "protocol":
            raise ProtocolViolation("The agent refused what it was sent.")
        else:
            raise ProtocolViolation("The agent said goodbye without a known reason.")
        self._end(error)

    # Requests

    def _forget(self, call: Call) -> None:
        del self._calls[call.id]
        self._abandoned.discard(call.id)
        if self._gate:
            self._gate.let_one()

    async def _stop(self, call: Call) -> None:
        """Cancel ``call``, whose waiting task was cancelled, and wait for its end."""
        if call.id not in self._calls:
            return
        call.future = ended = self._loop.create_future()
        self.cancel(call)
        timer = self._loop.call_later(self.deadlines.cancel, ended.cancel)
        try:
            await asyncio.wait([ended])
            if not ended.cancelled():
                ended.exception()
        finally:
            timer.cancel()
            if call.id in self._calls:
                self.abandon(call)

    async def _room(self) -> None:
        """Wait until a request may be sent."""
        while self._failure is None and (self._paused or len(self._calls) >= MAX_CALLS):
            await self._wait()
        if self._failure is not None:
            raise another(self._failure)

    async def _wait(self) -> None:
        try:
            await self._gate.wait(self.deadlines.room)
        except TimeoutError:
            if self._paused:
                self._end(AgentLost("The agent does not read what is sent to it."))
            elif self._failure is None:
                raise LimitReached(
                    f"{MAX_CALLS} requests to this box are in flight.",
                    hint="Wait for some of them to end, then try again.",
                ) from None

    # Time

    def _watch(self) -> None:
        self._pulse = Pulse()
        self._timer = self._loop.call_later(self.deadlines.silence / TICKS, self._tick)

    def _tick(self) -> None:
        """TICKS times in ``deadlines.silence`` while requests are in flight."""
        self._timer = None
        if not self._calls or self._failure is not None:
            return
        self._timer = self._loop.call_later(self.deadlines.silence / TICKS, self._tick)
        self._expire()
        beat = self._pulse.tick()
        if beat is Beat.ASK:
            self.write({"t": "ping", "n": self._last_id})
        elif beat is Beat.LOST:
            self._end(AgentLost(f"The agent was silent for {self.deadlines.silence:g} s."))

    def _expire(self) -> None:
        now = self._loop.time()
        for call in [call for call in self._calls.values() if call.deadline < now]:
            call.deadline = FOREVER
            call.fail(DeadlineExceeded("The agent did not answer in time; the call was cancelled."))
            self.cancel(call)
            self.abandon(call)

    # The end

    def _end(self, error: VibnError) -> None:
        """End everything with ``error``. Only the first end counts."""
        if self._failure is not None:
            return
        self._failure = error
        if self._timer is not None:
            self._timer.cancel()
        if hasattr(self, "_transport"):
            self._transport.abort()
        greeting, self._greeting = self._greeting, None
        if greeting is not None and not greeting.done():
            greeting.set_exception(another(error))
            greeting.exception()  # who connected may have left
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.fail(another(error))
        self._gate.let_all()


def _frame(header: dict[str, Any], body: bytes | memoryview) -> bytes:
    try:
        return encode(header, body)
    except FrameError as error:
        raise TooLarge(
            f"The request is too large for one frame ({error}).",
            hint="Write large data to a file in the box and name the file.",
        ) from None
    except ValueError as error:
        raise InvalidInput(f"The request cannot be sent: {error}") from None
