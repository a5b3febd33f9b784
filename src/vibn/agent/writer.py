"""Feeds a command's standard input: the request's body, then stream ``in``."""

from __future__ import annotations

import os

from .loop import OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


class Writer:
    """Owns ``fd``, which it closes at the end of the input; on a terminal it types the end-of-file
    character instead. A command that does not read its input is no error."""

    def __init__(
        self, context: Context, fd: int, body: bytes, more: bool, terminal: bool = False
    ) -> None:
        self._context = context
        self._fd = fd
        self._loop = context.agent.loop
        self._data = body
        self._more = more
        self._terminal = terminal
        self._watched = False
        self._line_open = False
        os.set_blocking(fd, False)

    def start(self) -> None:
        if self._more:
            self._context.on_readable = self._pump
        self._pump()

    def close(self) -> None:
        self._pause()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _on_event(self, _mask: int) -> None:
        self._pause()
        self._pump()

    def _pump(self) -> None:
        while self._fd >= 0 and not self._watched:
            if not self._data and not self._next():
                return
            if not self._send():
                return

    def _next(self) -> bool:
        """Get more to write; False when there is none now, or the input has ended."""
        data = self._context.receive() if self._more else None
        if data is None:
            self._more = False
            if self._terminal:
                # One end-of-file character only completes a line that was begun.
                self._data = b"\x04\x04" if self._line_open else b"\x04"
                self._terminal = False
                return True
            self.close()
            return False
        self._data = data
        return bool(data)

    def _send(self) -> bool:
        try:
            sent = os.write(self._fd, self._data)
        except BlockingIOError:
            self._watched = True
            self._loop.add(self._fd, OUT, self._on_event)
            return False
        except OSError:
            # Nobody reads any more. Keep taking the client's bytes, so that it is not stuck.
            self._data = b""
            if not self._more:
                self.close()
            return self._fd >= 0
        if sent:
            self._line_open = self._data[sent - 1] != 10
        self._data = self._data[sent:]
        return True

    def _pause(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove(self._fd)
