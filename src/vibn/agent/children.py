"""Signals and the death of children, brought into the loop. As a subreaper the agent is also the
parent of every orphan in its tree, so it reaps whatever comes."""

from __future__ import annotations

import os

from .cores import signal
from .loop import IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop


class Children:
    """Who waits for which child, and which orphans were seen."""

    def __init__(self, loop: Loop, on_stop: Callable[[bool], None]) -> None:
        """``on_stop(box)`` is called for a signal to stop; ``box`` says that all of the box is to
        end (USR1, from the restart loop), not only this process (TERM or INT, from anyone)."""
        self._waiting: dict[int, Callable[[int], None]] = {}
        self._on_stop = on_stop
        self.orphans: dict[int, str] = {}
        """The marker (``VIBN_RUN``) of each orphan that was looked at; forgotten when reaped."""
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, _nothing)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        loop.add(self._read, IN, self._on_signal)

    def wait(self, pid: int, call: Callable[[int], None]) -> None:
        """Call ``call(status)`` with the wait status once ``pid``, a child, has ended."""
        self._waiting[pid] = call

    def forget(self, pid: int) -> None:
        self._waiting.pop(pid, None)

    def __contains__(self, pid: int) -> bool:
        return pid in self._waiting

    def reap(self) -> None:
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.orphans.pop(pid, None)
            call = self._waiting.pop(pid, None)
            if call is not None:
                call(status)

    def _on_signal(self, _mask: int) -> None:
        try:
            numbers = os.read(self._read, 512)
        except BlockingIOError:
            return
        if signal.SIGUSR1 in numbers:
            self._on_stop(True)
        elif signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._on_stop(False)
        self.reap()


def _nothing(_number: int, _frame: object) -> None:
    # The wakeup descriptor carries the news; Python writes to it only for handled signals.
    return
