"""This process's stdin, output and signals, attached to a command in a box.

What arrives is written at once. A signal that would end us goes to the command first: it may say
its last words, and is killed when it has not ended after ``GRACE`` seconds or at the second one.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vibn.errors import VibnError

if TYPE_CHECKING:
    from vibn.client import CommandResult, RunningCommand

GRACE = 3.0
PIECE = 1 << 16
_STREAMS = {"stdout": 1, "stderr": 2}
_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Attached:
    """``before_exit`` runs when this process has to end while the command does not answer."""

    def __init__(
        self, running: RunningCommand, before_exit: Callable[[], None] = lambda: None
    ) -> None:
        self._running = running
        self._before_exit = before_exit
        self._wake, self._woken = os.pipe()
        self._resized: Callable[[], None] | None = None
        self.ended_by: int | None = None
        """The signal that ended us."""

    def feed(self) -> None:
        """Pass stdin on, to its end, on a thread of its own."""
        threading.Thread(target=self._pump, name="stdin", daemon=True).start()

    def on_resize(self, tell: Callable[[], None]) -> None:
        """Call ``tell``, from another thread, whenever the terminal changed its size."""
        self._resized = tell

    def output(self) -> CommandResult:
        """Write what it writes until it ends. Raises BrokenPipeError when our reader left."""
        with self._signals():
            for piece in self._running:
                _write(_STREAMS[piece.stream], piece.data)
            return self._running.result()

    def status(self, result: CommandResult) -> int:
        """What to exit with."""
        return result.status if self.ended_by is None else 128 + self.ended_by

    def _pump(self) -> None:
        try:
            for data in _stdin():
                self._running.write(data)
            self._running.close_stdin()
        except (VibnError, OSError):
            return  # it ended, and whoever reads its output is told how

    @contextmanager
    def _signals(self) -> Iterator[None]:
        listener = threading.Thread(target=self._listen, name="signals", daemon=True)
        listener.start()
        before = {number: signal.signal(number, self._heard) for number in _PASSED}
        before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self._heard)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.write(self._woken, b"\0")

    def _heard(self, number: int, _: object) -> None:
        """Runs between any two steps of the main thread, so it only leaves a note."""
        if number != signal.SIGWINCH:
            if self.ended_by is not None:
                self._leave()
            self.ended_by = number
        os.write(self._woken, bytes([number]))

    def _listen(self) -> None:
        ending = False
        while select.select([self._wake], [], [], GRACE if ending else None)[0]:
            number = os.read(self._wake, 1)[0]
            if number == 0:
                return
            ending = ending or number != signal.SIGWINCH
            threading.Thread(target=self._pass_on, args=(number,), daemon=True).start()
        self._leave()

    def _pass_on(self, number: int) -> None:
        """May wait for a connection that takes nothing."""
        try:
            if number != signal.SIGWINCH:
                self._running.signal(signal.Signals(number).name)
            elif self._resized is not None:
                self._resized()
        except VibnError:
            return

    def _leave(self) -> None:
        """The connection ends with us, and the server ends the command with the connection."""
        self._before_exit()
        os._exit(128 + (self.ended_by or signal.SIGTERM))


def _stdin() -> Iterator[bytes]:
    """What comes, piece by piece. None where there is no stdin, or where reading the terminal
    would stop us: it belongs to another program."""
    try:
        if os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp():
            return
        while data := os.read(0, PIECE):
            yield data
    except OSError:
        return


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
