"""The typed client of one agent: every operation of docs/protocol.md as a method."""

from __future__ import annotations

import socket
from typing import Self

from vibn.channel.caller import LONG
from vibn.channel.connection import Connection
from vibn.channel.deadlines import Deadlines
from vibn.channel.fields import text
from vibn.channel.files import Files
from vibn.channel.hello import Hello
from vibn.channel.processes import Processes
from vibn.channel.results import box_info
from vibn.outcomes import BoxInfo


class AgentClient(Processes, Files):
    """Any number of tasks may call at once. When the connection ends, every call in flight and
    each later one raises AgentLost, or ProtocolViolation when the peer broke the protocol; a new
    client is made by the pool."""

    @classmethod
    async def connect(cls, sock: socket.socket, deadlines: Deadlines | None = None) -> Self:
        """A client over ``sock``, a connected non-blocking stream socket, which it owns."""
        return cls(await Connection.connect(sock, deadlines))

    @property
    def hello(self) -> Hello:
        return self.connection.hello

    @property
    def closed(self) -> bool:
        return self.connection.closed

    @property
    def in_flight(self) -> int:
        return self.connection.in_flight

    async def info(self, disk: bool = False) -> BoxInfo:
        """A live look from inside; ``disk`` also measures the workspace, which takes a while."""
        if disk:
            return await self._call("info", {"disk": True}, box_info, wait=LONG)
        return await self._call("info", {}, box_info)

    async def takeover(self, zipapp: bytes = b"", *, path: str | None = None) -> str:
        """Replace the agent by ``zipapp`` (at most 1 MiB), or by the file in the box at ``path``;
        jobs go on. Returns its boot id; this connection ends with it."""
        args = {} if path is None else {"path": path}
        return await self._call("takeover", args, lambda r: text(r, "boot", 100), zipapp)

    async def close(self) -> None:
        """Calls in flight raise AgentLost, and the agent ends their processes."""
        await self.connection.close()
