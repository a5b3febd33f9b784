"""A peer that speaks the frames by hand, to be as right or as wrong as a test needs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from vibn.agent.frames import Decoder, encode
from vibn.channel import AgentClient, Deadlines

HELLO = {
    "t": "hello",
    "protocol": 1,
    "version": "0.1.0",
    "build": "ab" * 32,
    "python": "3.11.2",
    "pid": 7,
    "boot": "b1",
    "mode": "resident",
}
EXEC = {
    "exit": 0,
    "signal": None,
    "timed_out": False,
    "cancelled": False,
    "oom": False,
    "killed": [],
    "left": [],
    "out": 0,
    "err": 0,
    "out_head": 0,
    "err_head": 0,
    "out_total": 0,
    "err_total": 0,
    "log": None,
    "ms": 1.5,
    "truncated": False,
}


class Peer:
    """The agent's end of a socket pair."""

    HELLO = HELLO
    EXEC = EXEC

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._decoder = Decoder()
        self._frames: list[tuple[dict[str, Any], bytes]] = []

    @staticmethod
    def pair() -> tuple[socket.socket, Peer]:
        ours, its = socket.socketpair()
        ours.setblocking(False)
        its.setblocking(False)
        return ours, Peer(its)

    async def raw(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        await self.raw(encode(header, body))

    async def greet(self, **changes: object) -> None:
        await self.send({**HELLO, **changes})

    async def take(self, kind: str = "") -> tuple[dict[str, Any], bytes]:
        """The next frame, of that kind when one is named. Raises EOFError at the end."""
        async with asyncio.timeout(20):
            while True:
                while self._frames:
                    header, body = self._frames.pop(0)
                    if kind in ("", header["t"]):
                        return header, body
                data = await asyncio.get_running_loop().sock_recv(self.sock, 1 << 20)
                if not data:
                    raise EOFError
                self._frames += self._decoder.feed(data)

    async def answer(self, **result: object) -> int:
        """Take a request and answer it with EXEC, changed; its id."""
        header, _ = await self.take("req")
        await self.send({"t": "end", "id": header["id"], "r": {**EXEC, **result}})
        return header["id"]

    async def gone(self) -> bool:
        """Waits until the client closed its end."""
        try:
            while True:
                await self.take()
        except (EOFError, ConnectionError):
            return True

    @classmethod
    @asynccontextmanager
    async def talking(
        cls, deadlines: Deadlines | None = None, **changes: object
    ) -> AsyncIterator[tuple[AgentClient, Peer]]:
        """A greeted client and its peer; both end with the block."""
        ours, peer = cls.pair()
        try:
            await peer.greet(**changes)
            client = await AgentClient.connect(ours, deadlines)
            try:
                await peer.take("hello")
                yield client, peer
            finally:
                await client.close()
        finally:
            peer.sock.close()


@pytest.fixture(scope="session")
def peers() -> type[Peer]:
    return Peer
