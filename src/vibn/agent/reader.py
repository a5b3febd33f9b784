"""Reads one output of a command, as fast as its taker allows: without credit it stops, the pipe
fills, and the command waits."""

from __future__ import annotations

import os

from .loop import IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .run import Run

CHUNK = 65536
LAST = 1024 * 1024
"""Bytes taken at most after the shell has exited: the largest pipe there is by default, so that
all it wrote is taken, and a child that goes on writing does not keep the command alive."""


class Reader:
    """Owns ``fd``. ``drained`` is True when nothing more is to be waited for."""

    def __init__(self, run: Run, fd: int, name: str) -> None:
        self.run = run
        self.name = name
        self.drained = False
        self._fd = fd
        self._loop = run.agent.loop
        self._watched = False
        self._last = -1

    def resume(self) -> None:
        """Read again, now that there may be room."""
        if self._fd < 0:
            return
        if self._last >= 0:
            self._empty()
        elif not self._watched and self.run.room(self.name) > 0:
            self._watched = True
            self._loop.add(self._fd, IN, self._on_event)

    def drain(self) -> None:
        """The shell is gone: take what is there, and then no more."""
        self._pause()
        self._last = LAST
        self._empty()

    def close(self) -> None:
        if self._fd >= 0:
            self._pause()
            os.close(self._fd)
            self._fd = -1
            self.drained = True

    def _pause(self) -> None:
        # Taken out altogether: a hangup is reported whatever the mask, and would spin the loop.
        if self._watched:
            self._watched = False
            self._loop.remove(self._fd)

    def _on_event(self, _mask: int) -> None:
        room = self.run.room(self.name)
        if room <= 0:
            self._pause()
            return
        self._step(min(CHUNK, room))

    def _empty(self) -> None:
        while self._fd >= 0 and not self.drained:
            room = self.run.room(self.name)
            if room <= 0:
                return
            if not self._step(min(CHUNK, room, self._last)):
                self.drained = True

    def _step(self, size: int) -> bool:
        """Take one piece. False when nothing is there now, or ever again."""
        try:
            data = os.read(self._fd, size)
        except BlockingIOError:
            return False
        except OSError:
            # A terminal whose other side is closed answers EIO.
            data = b""
        if not data:
            self.close()
            self.run.reader_ended(self)
            return False
        self.run.take(self.name, data)
        if self._last >= 0:
            self._last -= len(data)
            return self._last > 0
        return True
