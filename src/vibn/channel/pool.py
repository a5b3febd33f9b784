"""One live channel for each box and user, made when it is needed and closed when it is idle."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vibn.channel.client import AgentClient
from vibn.channel.deadlines import Deadlines
from vibn.channel.hello import Mode
from vibn.channel.renewal import Renewal
from vibn.errors import AgentLost, ProtocolViolation, VibnError
from vibn.models import BoxRef

log = logging.getLogger(__name__)

Connect = Callable[[BoxRef, str], Awaitable[socket.socket]]
"""``Runtime.connect``: a connected non-blocking socket to the agent of a box, for a user."""

Key = tuple[str, str]

RENEWAL_PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Seconds before each try to reach an agent that is replacing itself."""


@dataclass(slots=True)
class _Live:
    client: AgentClient
    handle: str
    used_at: float


class Pool:
    """Belongs to one event loop. A channel that was lost is made again by the next ``get``."""

    def __init__(
        self,
        connect: Connect,
        *,
        idle: float = 300.0,
        renewal: Renewal | None = None,
        deadlines: Deadlines | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``idle``: seconds without a call after which a channel is closed."""
        self._connect = connect
        self._idle = idle
        self._renewal = renewal
        self._deadlines = deadlines or Deadlines()
        self._clock = clock
        self._live: dict[Key, _Live] = {}
        self._opening: dict[tuple[Key, str], asyncio.Task[AgentClient]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many channels there are now."""
        return len(self._live)

    async def get(self, ref: BoxRef, user: str = "vibn") -> AgentClient:
        """The client of this box. Many callers at once share one connection attempt. Use it at
        once rather than keeping it: it may be closed when it is idle.

        Raises what ``connect`` raises, AgentLost and ProtocolViolation.
        """
        live = self._live.get((ref.box_id, user))
        if live is not None and not live.client.closed and live.handle == ref.handle:
            live.used_at = self._clock()
            return live.client
        return await self._shared(ref, user)

    @asynccontextmanager
    async def root(self, ref: BoxRef) -> AsyncIterator[AgentClient]:
        """A channel of its own to a short-lived agent of user root; it ends with the block."""
        client = await self._greeted(ref, "root")
        try:
            yield client
        finally:
            await client.close()

    async def drop(self, ref: BoxRef) -> None:
        """Close the channels of this box: it stops, freezes or is removed. Calls in flight raise
        AgentLost."""
        opening = [task for (key, _), task in self._opening.items() if key[0] == ref.box_id]
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for key in [key for key in self._live if key[0] == ref.box_id]:
            await self._forget(key)

    async def sweep(self) -> None:
        """Close what was idle for long enough, and forget what was lost."""
        now = self._clock()
        for key, live in list(self._live.items()):
            if live.client.closed:
                self._live.pop(key, None)
            elif live.client.in_flight:
                live.used_at = now
            elif now - live.used_at >= self._idle:
                await self._forget(key)

    async def close(self) -> None:
        """Close every channel, for good."""
        self._closed = True
        tasks: list[asyncio.Task[AgentClient] | asyncio.Task[None]] = [*self._opening.values()]
        if self._sweeper is not None:
            tasks.append(self._sweeper)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for key in list(self._live):
            await self._forget(key)

    # Connecting

    async def _shared(self, ref: BoxRef, user: str) -> AgentClient:
        """The client of the one attempt that is under way, for all who ask."""
        if self._closed:
            raise AgentLost("The control plane is shutting down.")
        key = ((ref.box_id, user), ref.handle)
        task = self._opening.get(key)
        if task is None:
            name = f"channel-{ref.box_id}-{user}"
            task = self._opening[key] = asyncio.create_task(self._open(ref, user), name=name)
            task.add_done_callback(lambda _: self._opening.pop(key, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if task.cancelled() and not (current and current.cancelling()):
                raise AgentLost("The box was stopped while it was connected to.") from None
            raise

    async def _open(self, ref: BoxRef, user: str) -> AgentClient:
        key = (ref.box_id, user)
        await self._forget(key)
        client = await self._greeted(ref, user)
        if self._renewal is not None and (zipapp := self._renewal(client.hello)) is not None:
            client = await self._renewed(ref, user, client, zipapp)
        other = self._live.get(key)
        self._live[key] = _Live(client, ref.handle, self._clock())
        if other is not None:
            await other.client.close()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep_on(), name="channel-idle")
        return client

    async def _forget(self, key: Key) -> None:
        live = self._live.pop(key, None)
        if live is not None:
            await live.client.close()

    async def _greeted(self, ref: BoxRef, user: str) -> AgentClient:
        client = await AgentClient.connect(await self._connect(ref, user), self._deadlines)
        wanted = Mode.ROOT if user == "root" else Mode.RESIDENT
        if client.hello.mode is not wanted:
            await client.close()
            raise ProtocolViolation(f"The box answered with a {client.hello.mode} agent.")
        return client

    async def _renewed(
        self, ref: BoxRef, user: str, client: AgentClient, zipapp: bytes
    ) -> AgentClient:
        """The client of the agent that took over; the old one's when it could not."""
        try:
            await client.takeover(zipapp)
        except asyncio.CancelledError:
            await client.close()
            raise
        except AgentLost:
            log.info("the agent of box %s went away while it was replaced", ref.box_id)
        except VibnError as error:
            if client.closed:
                raise
            log.warning("the agent of box %s was not replaced: %s", ref.box_id, error)
            return client
        await client.close()
        for pause in RENEWAL_PAUSES[:-1]:
            await asyncio.sleep(pause)
            try:
                return await self._greeted(ref, user)
            except AgentLost:
                continue
        await asyncio.sleep(RENEWAL_PAUSES[-1])
        return await self._greeted(ref, user)

    async def _sweep_on(self) -> None:
        """Sweep while there is a channel."""
        while self._live:
            await asyncio.sleep(self._idle / 4)
            await self.sweep()
