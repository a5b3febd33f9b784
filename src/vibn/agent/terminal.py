"""A pseudo terminal for a command."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from .args import bounded, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Terminal:
    """``ours`` is our end (non-blocking; read by a Reader, which closes it), ``path`` the device
    the command opens, ``kind`` the value of TERM that was asked for."""

    def __init__(self, options: dict[str, Any]) -> None:
        wanted = take(options, {"rows": (int, 24), "cols": (int, 80), "term": (str, "")})
        bounded("rows", wanted["rows"], 1, 4096)
        bounded("cols", wanted["cols"], 1, 4096)
        self.kind: str = wanted["term"]
        self.ours, self._its = os.openpty()
        os.set_blocking(self.ours, False)
        self.path = os.ttyname(self._its)
        # A descriptor of its own for the controls: the reader closes ``ours`` when it ends.
        self._control = os.dup(self.ours)
        self.resize(wanted["rows"], wanted["cols"])

    def started(self) -> None:
        """The command holds its end now (or failed to start): close our copy of it."""
        os.close(self._its)

    def resize(self, rows: object, cols: object) -> None:
        """Sizes out of 1..4096 are ignored."""
        if type(rows) is int and type(cols) is int and 0 < rows <= 4096 and 0 < cols <= 4096:
            fcntl.ioctl(self._control, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def foreground(self) -> int:
        """The process group that a Ctrl-C would reach; 0 when there is none."""
        try:
            return os.tcgetpgrp(self._control)
        except OSError:
            return 0

    def close(self) -> None:
        os.close(self._control)
