"""One connection: handshake, requests, credit. The peer is hostile: what breaks the protocol ends
this connection and nothing else, and a peer that does not read makes us stop reading too."""

from __future__ import annotations

import os

from . import ops
from .context import Context
from .cores import deque
from .failure import Failure, from_os_error
from .frames import PROTOCOL, Decoder, FrameError, encode
from .loop import IN, OUT, complain
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .agent import Agent

MAX_REQUESTS = 256
HIGH = 1024 * 1024
"""Bytes not yet taken by the peer, above which nothing more is read or produced for it."""
HANDSHAKE = 10.0
_STREAMS = ("out", "err", "ev")


class Violation(Exception):
    """The peer broke the protocol."""


class Session:
    """Reads ``fd`` and writes ``out`` (the same descriptor for a socket); owns and closes both."""

    def __init__(self, agent: Agent, fd: int, out: int, table: dict[str, str]) -> None:
        self.agent = agent
        self.table = table
        self.closed = False
        self.on_close: Callable[[], None] | None = None
        self._fd = fd
        self._out = out
        self._decoder = Decoder()
        self._inbox: deque[tuple[dict[str, Any], bytes]] = deque()
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._mask = IN
        self._closing = False
        self._greeted = False
        self._last = 0
        self._requests: dict[int, Context] = {}
        agent.loop.add(fd, IN, self._on_event)
        if out != fd:
            agent.loop.add(out, 0, self._on_event)
        self._deadline = agent.loop.later(HANDSHAKE, self._too_late)
        self.send(agent.hello())

    # Sending

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send a frame, or queue it; on a closed connection nothing happens."""
        if not self.closed:
            self._write(encode(header, body))

    def open_for_data(self) -> bool:
        return self._queued < HIGH and not self._closing

    def bye(self, reason: str) -> None:
        """Say why, and close once that is sent, or in a second."""
        self.send({"t": "bye", "reason": reason})
        self._closing = True
        if not self._queue:
            self.close()
        else:
            self.agent.loop.later(1.0, self.close)

    def _write(self, data: bytes) -> None:
        if not self._queue:
            try:
                sent = os.write(self._out, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.agent.loop.soon(self.close)
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._queue.append(data)
        self._queued += len(data)
        self._watch()

    def _flush(self) -> None:
        queue = self._queue
        while queue:
            data = queue[0]
            try:
                sent = os.write(self._out, data)
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            self._queued -= sent
            if sent < len(data):
                queue[0] = data[sent:]
                break
            queue.popleft()
        if not queue and self._closing:
            self.close()
            return
        self._watch()
        if self._queued < HIGH:
            for context in list(self._requests.values()):
                context.may_write()
            self._dispatch()

    # Answering

    def finish(self, context: Context, result: dict[str, Any], body: bytes = b"") -> None:
        if self._end(context):
            try:
                self.send({"t": "end", "id": context.id, "r": result}, body)
            except (FrameError, TypeError, ValueError) as error:
                self.fail_id(context.id, "too_large", "The answer cannot be sent: %s" % error)

    def fail(
        self,
        context: Context,
        code: str,
        message: str,
        hint: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        if self._end(context):
            self.fail_id(context.id, code, message, hint, detail)

    def fail_id(
        self,
        id: int,
        code: str,
        message: str,
        hint: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        header: dict[str, Any] = {"t": "error", "id": id, "code": code, "message": message[:4000]}
        if hint:
            header["hint"] = hint
        if detail:
            header["detail"] = dict(detail)
        self.send(header)

    def answer(self, context: Context, value: object) -> None:
        """The answer of a handler that returned ``value``."""
        if type(value) is tuple and len(value) == 2:
            self.finish(context, value[0], value[1])
        else:
            self.refuse(context, TypeError("a handler answered %.60r" % (value,)))

    def refuse(self, context: Context, error: BaseException) -> None:
        """The answer of a handler that raised ``error``."""
        if isinstance(error, Failure):
            self.fail(context, error.code, error.message, error.hint, error.detail)
        elif isinstance(error, OSError):
            failure = from_os_error(error, str(error.filename or "the operation"))
            self.fail(context, failure.code, failure.message)
        elif isinstance(error, UnicodeError):
            self.fail(context, "invalid_input", "A text in the arguments is not Unicode.")
        elif isinstance(error, MemoryError):
            self.fail(context, "out_of_memory", "The agent ran out of memory.")
        else:
            self.fail(context, "internal", "%s: %s" % (type(error).__name__, error))
            complain()

    def _end(self, context: Context) -> bool:
        if context.done:
            return False
        context.done = True
        context.on_cancel = context.on_control = None
        context.on_readable = context.on_writable = None
        self._requests.pop(context.id, None)
        return not self.closed

    # Receiving

    def _on_event(self, mask: int) -> None:
        if mask & OUT:
            self._flush()
        if self.closed:
            return
        if mask & IN and self._mask & IN:
            self._read()
        elif mask & ~(IN | OUT):
            self.close()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not data:
            self.close()
            return
        try:
            self._inbox.extend(self._decoder.feed(data))
        except FrameError:
            self.close()
            return
        self._dispatch()

    def _dispatch(self) -> None:
        inbox = self._inbox
        try:
            while inbox and not self.closed and not self._closing and self._queued < HIGH:
                header, body = inbox.popleft()
                self._take(header, body)
        except Violation:
            self.close()
        except Exception:
            # A defect of ours: this connection is in an unknown state, the others are not.
            complain()
            self.close()
        if not self.closed:
            self._watch()

    def _watch(self) -> None:
        """Ask for the events that are of use now."""
        reading = not self._closing and not self._inbox and self._queued < HIGH
        mask = IN if reading else 0
        writing = OUT if self._queue else 0
        if self._fd == self._out:
            mask |= writing
            if mask != self._mask:
                self._mask = mask
                self.agent.loop.change(self._fd, mask)
        elif mask | writing != self._mask:
            self._mask = mask | writing
            self.agent.loop.change(self._fd, mask)
            self.agent.loop.change(self._out, writing)

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        kind = header.get("t")
        if not self._greeted:
            self._greet(kind, header)
        elif kind == "req":
            self._request(header, body)
        elif kind == "ping":
            n = header.get("n")
            if type(n) is not int or abs(n) > 1 << 53:
                raise Violation
            self.send({"t": "pong", "n": n})
        elif kind in ("data", "eof", "credit", "ctl", "cancel"):
            id = header.get("id")
            if type(id) is not int or not 0 < id <= self._last:
                raise Violation
            context = self._requests.get(id)
            if context is not None:
                self._about(context, kind, header, body)
        elif kind != "pong":
            raise Violation

    def _greet(self, kind: object, header: dict[str, Any]) -> None:
        if kind != "hello":
            raise Violation
        self._deadline.cancel()
        self._greeted = True
        if header.get("protocol") != PROTOCOL:
            self.bye("protocol")

    def _request(self, header: dict[str, Any], body: bytes) -> None:
        id, args = header.get("id"), header.get("a", {})
        if type(id) is not int or not self._last < id < 1 << 53:
            raise Violation
        if type(args) is not dict:
            raise Violation
        self._last = id
        if len(self._requests) >= MAX_REQUESTS:
            self.fail_id(id, "limit_reached", "%d requests are in flight already." % MAX_REQUESTS)
            return
        context = Context(self.agent, self, id)
        self._requests[id] = context
        try:
            outcome: Any = ops.find(header.get("op"), self.table)(context, args, body)
        except Exception as error:
            self.refuse(context, error)
            return
        if outcome is ops.LATER:
            return
        if hasattr(outcome, "send"):
            Task(context, outcome).step()
        else:
            self.answer(context, outcome)

    def _about(self, context: Context, kind: str, header: dict[str, Any], body: bytes) -> None:
        if kind == "data":
            if header.get("s") != "in" or not context.got_data(body):
                raise Violation
        elif kind == "eof":
            if header.get("s") != "in" or not context.got_eof():
                raise Violation
        elif kind == "credit":
            n, stream = header.get("n"), header.get("s")
            if type(n) is not int or n <= 0 or stream not in _STREAMS:
                raise Violation
            if not context.got_credit(stream, n):
                raise Violation
        elif kind == "ctl":
            if context.on_control is not None:
                context.on_control(header)
        else:
            self._cancel(context)

    def _cancel(self, context: Context) -> None:
        if not context.cancelled:
            context.cancelled = True
            if context.on_cancel is not None:
                context.on_cancel()

    # Ending

    def _too_late(self) -> None:
        if not self._greeted:
            self.close()

    def close(self) -> None:
        """Close now; cancel what is in flight. The second time nothing happens."""
        if self.closed:
            return
        self.closed = True
        self._deadline.cancel()
        loop = self.agent.loop
        for fd in {self._fd, self._out}:
            loop.remove(fd)
            os.close(fd)
        self._queue.clear()
        self._inbox.clear()
        self._queued = 0
        for context in list(self._requests.values()):
            try:
                self._cancel(context)
            except Exception:
                complain()
        if self.on_close is not None:
            self.on_close()
