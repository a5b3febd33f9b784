"""A small epoll loop: descriptors, timers, calls. One thread; a handler's error never ends it."""

from __future__ import annotations

import select
import sys
import time
from _heapq import heapify, heappop, heappush

from .cores import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

IN = select.EPOLLIN
OUT = select.EPOLLOUT


class Timer:
    """A call to come; ``cancel`` forgets it, also when it already happened."""

    __slots__ = ("call", "loop", "when")

    def __init__(self, loop: Loop, when: float, call: Callable[[], None]) -> None:
        self.loop = loop
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        if self.call is not None:
            self.call = None
            self.loop.timer_cancelled()


class Loop:
    """Level-triggered. Handlers get the mask of events; they must bear a spurious one."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._ready: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._dead = 0
        self.running = True

    def add(self, fd: int, mask: int, handler: Callable[[int], None]) -> None:
        self._poll.register(fd, mask)
        self._handlers[fd] = handler

    def change(self, fd: int, mask: int) -> None:
        self._poll.modify(fd, mask)

    def remove(self, fd: int) -> None:
        """Stop watching ``fd``; one that is not watched is no error. Call before closing it."""
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def soon(self, call: Callable[[], None]) -> None:
        """Call it in the next turn of the loop."""
        self._ready.append(call)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self, time.monotonic() + seconds, call)
        self._order += 1
        heappush(self._timers, (timer.when, self._order, timer))
        return timer

    def timer_cancelled(self) -> None:
        # Most timers are time limits that never strike: drop them in bulk, so that thousands of
        # commands with a long limit do not pile up.
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].call is not None]
            heapify(self._timers)
            self._dead = 0

    def run(self) -> None:
        """Until ``running`` is False."""
        handlers = self._handlers
        while self.running:
            for fd, mask in self._poll.poll(self._patience(), 256):
                handler = handlers.get(fd)
                if handler is not None:
                    try:
                        handler(mask)
                    except Exception:
                        complain()
            self._run_timers()
            for _ in range(len(self._ready)):
                self._call(self._ready.popleft())

    def close(self) -> None:
        self._poll.close()

    def _patience(self) -> float:
        if self._ready:
            return 0
        timers = self._timers
        while timers and timers[0][2].call is None:
            heappop(timers)
            self._dead -= 1
        if not timers:
            return -1
        return max(0.0, timers[0][0] - time.monotonic())

    def _run_timers(self) -> None:
        timers = self._timers
        if not timers:
            return
        now = time.monotonic()
        while timers and timers[0][0] <= now:
            timer = heappop(timers)[2]
            call, timer.call = timer.call, None
            if call is None:
                self._dead -= 1
            else:
                self._call(call)
                timers = self._timers

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            complain()


def complain() -> None:
    """Print the exception at hand to stderr and go on; without stderr, just go on."""
    try:
        sys.excepthook(*sys.exc_info())
    except Exception:
        return
