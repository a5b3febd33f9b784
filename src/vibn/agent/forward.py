"""The operation forward: a TCP connection inside the box, piped both ways."""

from __future__ import annotations

import _socket
import os

from .args import REQUIRED, bounded, take
from .failure import Failure
from .loop import IN, OUT
from .ops import LATER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context

CONNECT = 10.0
"""Seconds to connect."""
CHUNK = 65536


def handle(context: Context, args: dict[str, Any], body: bytes) -> object:
    del body
    given = take(args, {"port": (int, REQUIRED), "host": (str, "127.0.0.1")})
    bounded("port", given["port"], 1, 65535)
    # A host name is not looked up: that could block. What listens on localhost may do so on
    # either family.
    host = given["host"]
    hosts = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    Forward(context, hosts, given["port"])
    return LATER


class Forward:
    """Connects to the first of ``hosts`` that accepts, then copies until both sides are done."""

    def __init__(self, context: Context, hosts: list[str], port: int) -> None:
        self._context = context
        self._loop = context.agent.loop
        self._hosts = hosts
        self._port = port
        self._fd = -1
        self._socket: Any = None
        self._mask = 0
        self._connected = False
        self._out = b""
        self._input_done = False
        self._output_done = False
        self._sent = 0
        self._received = 0
        self._timer = self._loop.later(CONNECT, self._too_late)
        context.on_cancel = self._cancel
        self._try_next()

    def _try_next(self) -> None:
        self._drop()
        if not self._hosts:
            self._close()
            self._context.fail(
                "unavailable",
                "Nothing in the box listens on port %d." % self._port,
                "Start the server, and see that it has the right port.",
            )
            return
        host = self._hosts.pop(0)
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        try:
            _socket.inet_pton(family, host)
        except OSError:
            raise Failure("invalid_input", "host must be an IP address or localhost") from None
        try:
            self._socket = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
            self._fd = self._socket.fileno()
            self._context.agent.check_descriptor(self._fd)
            self._loop.add(self._fd, OUT, self._on_event)
            self._mask = OUT
            self._socket.connect((host, self._port))
        except BlockingIOError:
            return
        except OSError:
            self._loop.soon(self._try_next)

    def _on_event(self, mask: int) -> None:
        if not self._connected:
            if self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
                self._try_next()
                return
            self._connected = True
            self._timer.cancel()
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            self._context.on_readable = self._write
            self._context.on_writable = self._watch
        if mask & IN:
            self._read()
        elif mask & ~(IN | OUT):
            # Reset, or closed both ways with nothing left to read.
            self._end_output()
            self._input_done = True
        self._write()

    def _read(self) -> None:
        room = self._context.room("out")
        if room > 0 and not self._output_done:
            try:
                data = os.read(self._fd, min(room, CHUNK))
            except BlockingIOError:
                return
            except OSError:
                data = b""
                self._input_done = True
            if data:
                self._received += len(data)
                self._context.send("out", data)
            else:
                self._end_output()

    def _end_output(self) -> None:
        if not self._output_done:
            self._output_done = True
            self._context.send_eof("out")

    def _write(self) -> None:
        while not self._input_done and self._fd >= 0:
            if not self._out:
                data = self._context.receive()
                if data is None:
                    self._input_done = True
                    self._shut()
                    break
                if not data:
                    break
                self._out = data
            try:
                sent = os.write(self._fd, self._out)
            except BlockingIOError:
                break
            except OSError:
                self._input_done = True
                break
            self._sent += sent
            self._out = self._out[sent:]
        self._watch()

    def _shut(self) -> None:
        try:
            self._socket.shutdown(_socket.SHUT_WR)
        except OSError:
            self._end_output()

    def _watch(self) -> None:
        if self._fd < 0:
            return
        if self._output_done and (self._input_done or not self._connected):
            self._finish()
            return
        mask = 0
        if not self._output_done and self._context.room("out") > 0:
            mask |= IN
        if self._out and not self._input_done:
            mask |= OUT
        if mask != self._mask:
            # Without any interest it is taken out: a hangup would be reported all the time.
            if not mask:
                self._loop.remove(self._fd)
            elif not self._mask:
                self._loop.add(self._fd, mask, self._on_event)
            else:
                self._loop.change(self._fd, mask)
            self._mask = mask

    def _finish(self) -> None:
        self._close()
        self._context.finish({"sent": self._sent, "received": self._received})

    def _too_late(self) -> None:
        self._hosts = []
        self._try_next()

    def _cancel(self) -> None:
        self._close()
        self._context.fail("cancelled", "The request was cancelled.")

    def _drop(self) -> None:
        if self._fd >= 0:
            self._loop.remove(self._fd)
            self._fd = -1
            self._socket.close()

    def _close(self) -> None:
        self._timer.cancel()
        self._drop()
