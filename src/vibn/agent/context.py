"""What an operation's handler gets: the workspace, the streams, and ways to wait.

A generator handler waits by yielding:

    yield None                        let others have a turn, then go on
    yield ctx.WRITABLE                until ``ctx.send`` may send again
    yield ctx.READABLE                until ``ctx.receive`` has bytes, or stream ``in`` ended
    yield ctx.wait_fd(fd, seconds)    until ``fd`` is readable (the yield's value is True) or the
                                      seconds passed (False); ``fd`` None only sleeps

When the request is cancelled or its connection closes, the generator is closed at its yield
(GeneratorExit: clean up with ``try/finally``); a handler that answers later sets ``on_cancel``.
"""

from __future__ import annotations

from .frames import MAX_BODY, WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .agent import Agent
    from .session import Session


class Wait:
    """One wait for a descriptor or for time; made by ``Context.wait_fd``."""

    __slots__ = ("fd", "timeout")

    def __init__(self, fd: int | None, timeout: float | None) -> None:
        self.fd = fd
        self.timeout = timeout


class Context:
    """One request, seen from its handler."""

    WRITABLE = "writable"
    READABLE = "readable"

    __slots__ = (
        "_credit",
        "_eof",
        "_granted",
        "_inbox",
        "_sent_eof",
        "_taken",
        "agent",
        "blocked",
        "cancelled",
        "done",
        "id",
        "on_cancel",
        "on_control",
        "on_readable",
        "on_writable",
        "session",
    )

    def __init__(self, agent: Agent, session: Session, id: int) -> None:
        self.agent = agent
        self.session = session
        self.id = id
        self.cancelled = False
        """True once the request was cancelled; a loop that seldom yields may look at it."""
        self.done = False
        self.blocked = False
        """True from a ``send`` that did not fit until there is room again."""
        self.on_cancel: Callable[[], None] | None = None
        self.on_control: Callable[[dict[str, Any]], None] | None = None
        self.on_writable: Callable[[], None] | None = None
        self.on_readable: Callable[[], None] | None = None
        self._credit: dict[str, int] = {}
        self._inbox: list[bytes] = []
        self._granted = WINDOW
        self._taken = 0
        self._eof = False
        self._sent_eof: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The workspace's directory: an absolute path without a link in it."""
        return self.agent.workspace

    # Sending

    def room(self, stream: str) -> int:
        """How many bytes of ``stream`` may be sent now. 0 also while the connection is full."""
        if not self.session.open_for_data():
            return 0
        return self._credit.get(stream, WINDOW)

    def send(self, stream: str, data: bytes) -> bool:
        """Send ``data`` (at most MAX_BODY bytes) on ``stream``. False, and nothing is sent, when
        the credit does not reach: then yield WRITABLE and call again. Pieces of at most 64 KiB
        always get through in time; a piece above WINDOW may wait for ever."""
        size = len(data)
        if size > MAX_BODY:
            raise ValueError("a piece of a stream holds at most %d bytes" % MAX_BODY)
        if size > self.room(stream):
            self.blocked = True
            return False
        if size:
            self._credit[stream] = self._credit.get(stream, WINDOW) - size
            self.session.send({"t": "data", "id": self.id, "s": stream}, data)
        return True

    def send_eof(self, stream: str) -> None:
        """Say that ``stream`` ends; the second time is no error."""
        if stream not in self._sent_eof:
            self._sent_eof += (stream,)
            self.session.send({"t": "eof", "id": self.id, "s": stream})

    # Receiving

    def receive(self) -> bytes | None:
        """The next bytes of stream ``in``; b"" when none are there yet; None at its end."""
        if self._inbox:
            data = self._inbox.pop(0)
            self._taken += len(data)
            if self._taken >= WINDOW // 2:
                self._granted += self._taken
                self.session.send({"t": "credit", "id": self.id, "s": "in", "n": self._taken})
                self._taken = 0
            return data
        return None if self._eof else b""

    def readable(self) -> bool:
        """Whether ``receive`` has something to tell now."""
        return bool(self._inbox) or self._eof

    # Waiting and answering

    def wait_fd(self, fd: int | None, timeout: float | None = None) -> Wait:
        """A wait to yield; ``timeout`` in seconds, None: without end."""
        return Wait(fd, timeout)

    def finish(self, result: dict[str, Any], body: bytes = b"") -> None:
        """The successful answer of a handler that returned LATER."""
        self.session.finish(self, result, body)

    def fail(
        self, code: str, message: str, hint: str = "", detail: Mapping[str, object] | None = None
    ) -> None:
        """The failed answer of a handler that returned LATER."""
        self.session.fail(self, code, message, hint, detail)

    # From the session

    def got_data(self, data: bytes) -> bool:
        """False when the client sent more than its credit, or after the end."""
        self._granted -= len(data)
        if self._granted < 0 or self._eof:
            return False
        if data:
            self._inbox.append(data)
            if self.on_readable is not None:
                self.on_readable()
        return True

    def got_eof(self) -> bool:
        if self._eof:
            return False
        self._eof = True
        if self.on_readable is not None:
            self.on_readable()
        return True

    def got_credit(self, stream: str, n: int) -> bool:
        total = self._credit.get(stream, WINDOW) + n
        if total > 1 << 40:
            return False
        self._credit[stream] = total
        self.may_write()
        return True

    def may_write(self) -> None:
        """There is more room than before; a waiting sender tries again."""
        self.blocked = False
        if self.on_writable is not None:
            self.on_writable()
