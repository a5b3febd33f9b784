"""An answer of server-sent events, as fast as the client takes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from vibn.errors import VibnError
from vibn.problem import shape
from vibn.rest.streamed import Outlet, Streamed

MEDIA_TYPE = "text/event-stream"
QUIET = 15.0
"""Seconds without an event after which a comment says that the stream lives."""
FIRST = 1.0
"""Seconds after which a client is told that it has begun, if nothing else was."""
HEADERS = {
    "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class Events:
    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._lock = asyncio.Lock()
        self._last = 0.0

    @property
    def begun(self) -> bool:
        return self._outlet.begun

    @property
    def size(self) -> int:
        """Bytes that were sent."""
        return self._outlet.size

    async def tell(self, event: str, data: Mapping[str, object] | bytes) -> None:
        """Returns once the connection has room for more: a slow client slows the caller."""
        text = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
        await self._write(b"event: %b\ndata: %b\n\n" % (event.encode(), text))

    async def beat(self) -> None:
        """Never returns."""
        await asyncio.sleep(FIRST)
        if not self.begun:
            await self._write(b": begun\n\n")
        while True:
            wait = self._last + QUIET - asyncio.get_running_loop().time()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await self._write(b": still here\n\n")

    async def _write(self, data: bytes) -> None:
        async with self._lock:
            if not self.begun:
                await self._outlet.begin(200, HEADERS)
            await self._outlet.write(data)
            self._last = asyncio.get_running_loop().time()


Tell = Callable[[Events], Awaitable[None]]


def event_stream(tell: Tell) -> Streamed:
    """``tell`` opens its call by itself. What it raises before the first event is a problem with
    its own status; afterwards it is an ``error`` event."""

    async def make(outlet: Outlet) -> None:
        events = Events(outlet)
        beat = asyncio.create_task(events.beat(), name="heartbeat of a stream")
        try:
            await tell(events)
        except VibnError as error:
            if not events.begun:
                raise
            await events.tell("error", shape(error))
        finally:
            beat.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await beat

    return Streamed(make)
