"""Copies stdin and stdout to the resident agent's socket and back. Keeps no state: it can die at
any moment, and the agent sees a closed connection."""

from __future__ import annotations

import _socket
import os
import select
import sys
import time

from .title import set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 10.0
"""Seconds to wait for an agent that is still starting."""
CHUNK = 65536
NOBODY = 3
"""The exit status when no agent answers."""


def relay(path: str) -> int:
    set_title("vibn-relay")
    socket = _connect(path)
    if socket is None:
        sys.stderr.write("vibn-relay: no agent answers at %s\n" % path)
        return NOBODY
    there = socket.fileno()
    for fd in (0, 1, there):
        os.set_blocking(fd, False)
    try:
        _copy(there)
    finally:
        # Others may share these descriptions (a terminal, a pipe of a shell).
        for fd in (0, 1):
            os.set_blocking(fd, True)
    return 0


def _connect(path: str) -> Any:
    until = time.monotonic() + PATIENCE
    while True:
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            socket.connect(path)
            return socket
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            socket.close()
            if time.monotonic() > until:
                return None
            time.sleep(0.01)


def _copy(there: int) -> None:
    """Until the agent closes, or stdin ends and what came from it is delivered."""
    up, down = b"", b""
    up_open = down_open = True
    while down_open or down:
        poll = select.poll()
        interest = {0: 0, 1: 0, there: 0}
        if up_open and not up:
            interest[0] |= select.POLLIN
        if up:
            interest[there] |= select.POLLOUT
        if down_open and not down:
            interest[there] |= select.POLLIN
        if down:
            interest[1] |= select.POLLOUT
        for fd, mask in interest.items():
            # stdout is always watched: its reader going away has to end the relay.
            if mask or fd == 1:
                poll.register(fd, mask)
        events = dict(poll.poll())
        if events.get(1, 0) & (select.POLLERR | select.POLLNVAL | select.POLLHUP):
            return
        try:
            if 0 in events:
                fresh = _read(0)
                if fresh == b"":
                    # The client is gone; the agent ends its requests when we close.
                    return
                up = fresh or b""
            if events.get(there, 0) & ~select.POLLOUT and down_open and not down:
                fresh = _read(there)
                down_open = fresh != b""
                down = fresh or b""
            if up:
                up = up[_write(there, up) :]
            if down:
                down = down[_write(1, down) :]
        except OSError:
            return


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, CHUNK)
    except BlockingIOError:
        return None


def _write(fd: int, data: bytes) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
