"""A small synchronous client of the agent, for its tests: one connection, one thread."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from vibn.agent.frames import PROTOCOL, Decoder, encode


class Gone(Exception):
    """The agent closed the connection."""


class Refused(Exception):
    """An `error` frame."""

    def __init__(self, header: dict[str, Any]) -> None:
        super().__init__(f"{header['code']}: {header['message']}")
        self.code = header["code"]
        self.header = header


@dataclass
class Reply:
    """What one request has brought so far. ``body`` is that of the `end` frame."""

    streams: dict[str, bytearray] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    body: bytes = b""

    @property
    def done(self) -> bool:
        return self.result is not None or self.error is not None

    def text(self, stream: str = "out") -> str:
        return self.streams.get(stream, bytearray()).decode()

    def __getitem__(self, key: str) -> Any:
        assert self.result is not None
        return self.result[key]

    @property
    def out(self) -> bytes:
        return self.body[: self["out"]]

    @property
    def err(self) -> bytes:
        return self.body[self["out"] :]


class Client:
    """``credit=False`` never gives credit beyond the window; ``keep`` False only counts streams."""

    def __init__(self, reading: Any, writing: Any = None, hello: bool = True) -> None:
        self.reading = reading
        self.writing = writing or reading
        self.decoder = Decoder()
        self.replies: dict[int, Reply] = {}
        self.inbox: list[tuple[dict[str, Any], bytes]] = []
        self.counted: dict[int, int] = {}
        self.credit = True
        self.keep = True
        self.last = 0
        self.hello, _ = self.frame()
        if hello:
            self.send({"t": "hello", "protocol": PROTOCOL, "version": "test"})

    # Frames

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        self.send_raw(encode(header, body))

    def send_raw(self, data: bytes) -> None:
        if isinstance(self.writing, socket.socket):
            self.writing.sendall(data)
        else:
            self.writing.write(data)
            self.writing.flush()

    def frame(self, timeout: float = 20.0) -> tuple[dict[str, Any], bytes]:
        until = time.monotonic() + timeout
        while not self.inbox:
            ready, _, _ = select.select([self.reading], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("no frame from the agent")
            if isinstance(self.reading, socket.socket):
                try:
                    data = self.reading.recv(1 << 18)
                except ConnectionError:
                    data = b""
            else:
                data = self.reading.read1(1 << 18)
            if not data:
                raise Gone
            self.inbox = self.decoder.feed(data)
        return self.inbox.pop(0)

    # Requests

    def start(self, op: str, args: dict[str, Any], body: bytes = b"") -> int:
        self.last += 1
        self.replies[self.last] = Reply()
        self.send({"t": "req", "id": self.last, "op": op, "a": args}, body)
        return self.last

    def step(self, timeout: float = 20.0) -> dict[str, Any]:
        """Take one frame and put it where it belongs."""
        header, body = self.frame(timeout)
        reply = self.replies.get(header.get("id", 0))
        kind = header["t"]
        if reply is None:
            return header
        if kind == "data":
            stream = header["s"]
            kept = reply.streams.setdefault(stream, bytearray())
            self.counted[header["id"]] = self.counted.get(header["id"], 0) + len(body)
            if self.keep:
                kept += body
            if self.credit and body:
                self.send({"t": "credit", "id": header["id"], "s": stream, "n": len(body)})
        elif kind == "eof":
            reply.ended.add(header["s"])
        elif kind == "end":
            reply.result, reply.body = header["r"], body
        elif kind == "error":
            reply.error = header
        return header

    def wait(self, id: int, timeout: float = 30.0) -> Reply:
        reply = self.replies[id]
        until = time.monotonic() + timeout
        while not reply.done:
            self.step(max(0.01, until - time.monotonic()))
        if reply.error is not None:
            raise Refused(reply.error)
        return reply

    def wait_for(self, id: int, text: bytes, stream: str = "out", timeout: float = 20.0) -> None:
        """Until ``text`` came on a stream of the request."""
        until = time.monotonic() + timeout
        while text not in self.replies[id].streams.get(stream, b""):
            self.step(max(0.01, until - time.monotonic()))

    def call(self, op: str, body: bytes = b"", **args: Any) -> Reply:
        return self.wait(self.start(op, args, body))

    def run(self, cmd: str, body: bytes = b"", **args: Any) -> Reply:
        return self.call("exec", body, cmd=cmd, **args)

    def type(self, id: int, data: bytes) -> None:
        self.send({"t": "data", "id": id, "s": "in"}, data)

    def eof(self, id: int) -> None:
        self.send({"t": "eof", "id": id, "s": "in"})

    def cancel(self, id: int) -> None:
        self.send({"t": "cancel", "id": id})

    def until_closed(self, timeout: float = 10.0) -> list[dict[str, Any]]:
        """All frames until the agent closes."""
        seen = []
        until = time.monotonic() + timeout
        while True:
            try:
                seen.append(self.frame(max(0.01, until - time.monotonic()))[0])
            except Gone:
                return seen

    def close(self) -> None:
        self.reading.close()
        if self.writing is not self.reading:
            self.writing.close()


def connect(path: str, timeout: float = 20.0, hello: bool = True) -> Client:
    """A client of the agent at ``path``, waiting for it to come up."""
    until = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect(path)
            return Client(sock, hello=hello)
        except (FileNotFoundError, ConnectionRefusedError, Gone):
            sock.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
