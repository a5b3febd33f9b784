"""A byte stream to a process in a box, through the engine's exec API.

The engine's stream is multiplexed (stdout and stderr in frames), and its client's is not a
socket; a pump makes a plain socket of it. Nothing is kept beyond one piece in each direction, so
a slow reader on either side stops the other. An end of writing is passed on by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.stream import Stream

from vibn.errors import AgentLost, PidsLimit, VibnError
from vibn.runtimes.docker.engine import translated

PIECE = 65536
STDOUT, STDERR = 1, 2
_GONE = (OSError, aiodocker.DockerError, aiohttp.ClientError, RuntimeError)


class Relays:
    """The open streams of one runtime object."""

    def __init__(self) -> None:
        self._pumps: set[asyncio.Task[None]] = set()

    async def open(
        self,
        container: DockerContainer,
        command: Sequence[str],
        user: str,
        environment: Mapping[str, str] | None = None,
    ) -> socket.socket:
        """Run ``command`` and return a socket to its stdin and stdout.

        The command speaks first: its first bytes are awaited, and an end before them raises
        AgentLost with the last of its stderr.
        """
        exec_ = await container.exec(
            list(command), stdin=True, user=user, environment=environment, workdir="/"
        )
        stream = exec_.start()
        try:
            await stream._init()
            first = await _first(stream)
        except BaseException as exc:
            await _close(stream)
            if isinstance(exc, _GONE) and not isinstance(exc, AgentLost):
                raise translated(exc, "open the relay") from exc
            raise
        ours, theirs = socket.socketpair()
        for side in (ours, theirs):
            side.setblocking(False)
        pump = asyncio.create_task(_pump(stream, ours, first), name="vibn docker relay")
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return theirs

    async def close(self) -> None:
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _first(stream: Stream) -> bytes:
    said = b""
    while True:
        message = await stream.read_out()
        if message is None:
            text = said.decode(errors="replace").strip()
            raise AgentLost(f"The relay in the box ended: {text[-500:] or 'without a word'}")
        if message.stream == STDOUT and message.data:
            if message.data[0]:
                # A frame begins with a length below 2**24; this is the engine's own complaint.
                raise _not_started(message.data.decode(errors="replace").strip()[-500:])
            return message.data
        said = (said + message.data)[-4096:]


def _not_started(complaint: str) -> VibnError:
    if "temporarily unavailable" in complaint:
        return PidsLimit("The box is at its limit of processes: none can be started to reach it.")
    return AgentLost(f"The engine could not start a process in the box: {complaint}")


async def _pump(stream: Stream, ours: socket.socket, first: bytes) -> None:
    loop = asyncio.get_running_loop()

    async def outward() -> None:
        while data := await loop.sock_recv(ours, PIECE):
            await stream.write_in(data)
        _end_writing(stream)

    sender = asyncio.create_task(outward(), name="vibn docker relay: to the box")
    try:
        with contextlib.suppress(*_GONE):
            await loop.sock_sendall(ours, first)
            while (message := await stream.read_out()) is not None:
                if message.stream == STDOUT:
                    await loop.sock_sendall(ours, message.data)
            ours.shutdown(socket.SHUT_WR)
            # The process in the box ended; what the caller still sends has no reader.
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        await _close(stream)
        ours.close()


def _connection(stream: Stream) -> Any:
    response = stream._resp
    return None if response is None else response.connection


def _end_writing(stream: Stream) -> None:
    """Half-close: the client can only close both directions, so its transport is asked."""
    connection = _connection(stream)
    transport = None if connection is None else connection.transport
    if transport is not None and transport.can_write_eof() and not transport.is_closing():
        transport.write_eof()
    elif transport is not None:
        transport.close()  # TLS has no half-close: the whole stream ends


async def _close(stream: Stream) -> None:
    with contextlib.suppress(*_GONE, AssertionError):
        connection = _connection(stream)
        await stream.close()
        if connection is not None:
            connection.close()
