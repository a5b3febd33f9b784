"""What the engine tells of boxes, as our events; the stream is taken up again after each gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import aiodocker
import aiohttp
from aiodocker.events import DockerEvents

from vibn.errors import VibnError
from vibn.models import BoxRef, EventKind, RuntimeEvent
from vibn.runtimes.docker.engine import Engine
from vibn.runtimes.docker.owned import BOX, by_installation
from vibn.runtimes.docker.status import moment

SILENCE = 30.0
"""After so many seconds without an event the engine is asked whether it is still there: a peer
that froze, or a network that drops packets, never ends the stream."""
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
_ENDING = ("2", "3", "9", "15")
_KINDS = {
    "start": EventKind.STARTED,
    "oom": EventKind.OOM,
    "destroy": EventKind.REMOVED,
}


class Translator:
    """The engine's messages to events. A death that a signal from outside caused is a stop."""

    def __init__(self) -> None:
        self._signalled: set[str] = set()

    def event(self, message: Mapping[str, Any]) -> RuntimeEvent | None:
        actor: Mapping[str, Any] = message.get("Actor") or {}
        said: Mapping[str, str] = actor.get("Attributes") or {}
        action, handle, box_id = message.get("Action"), str(actor.get("ID", "")), said.get(BOX)
        if not box_id or not handle:
            return None
        ref = BoxRef(box_id, handle)
        if action == "kill":
            if said.get("signal") in _ENDING:
                self._signalled.add(handle)
            return None
        if action == "die":
            stopped = handle in self._signalled
            self._signalled.discard(handle)
            code = said.get("exitCode", "")
            kind = EventKind.STOPPED if stopped else EventKind.DIED
            return RuntimeEvent(kind, ref, int(code) if code.isdigit() else None)
        if action in ("start", "destroy"):
            self._signalled.discard(handle)
        kind_ = _KINDS.get(str(action))
        return None if kind_ is None else RuntimeEvent(kind_, ref)


async def watch(
    engine: Engine, installation: str, back: Callable[[], Awaitable[None]]
) -> AsyncIterator[RuntimeEvent]:
    """Events for ever. ``back`` is awaited after each gap, before RESYNC is said."""
    failures = 0
    first = True
    while True:
        stream = _Stream(engine, installation)
        try:
            await stream.open()
            failures = 0
            if not first:
                await back()
                yield RuntimeEvent(EventKind.RESYNC, None)
            first = False
            async for event in stream:
                yield event
        except VibnError:
            first = False
        finally:
            await stream.close()
        await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
        failures += 1


async def ran_out_of_memory(engine: Engine, handle: str, since: datetime) -> bool:
    """Whether the engine told of it since then. Its ``inspect`` says so of the main process only;
    what it remembers of events is bounded (some hundred), so an old one may be forgotten."""
    async with engine.call("tell its events", 10) as client:
        now = datetime.now(UTC)
        if not engine.local:  # another host's clock may go otherwise
            now = moment(str((await client.system.info())["SystemTime"])) or now
        make: Any = DockerEvents
        events = make(client)
        said: Any = events.subscribe(
            filters=json.dumps({"type": ["container"], "container": [handle], "event": ["oom"]}),
            since=f"{since.timestamp():.6f}",
            until=f"{now.timestamp():.6f}",
        )
        try:
            return await said.get() is not None
        finally:
            await events.task


class _Stream:
    """One connection to the engine's events."""

    def __init__(self, engine: Engine, installation: str) -> None:
        self._engine = engine
        self._filters = by_installation(installation, type=["container"])
        self._events: Any = None  # the client leaves these two untyped
        self._said: Any = None
        self._translator = Translator()

    async def open(self) -> None:
        async with self._engine.call("send events", 10) as client:
            # From the engine's own now: nothing that happens while the stream opens is lost.
            now = moment(str((await client.system.info())["SystemTime"]))
            since = f"{now.timestamp():.6f}" if now else "0"
            make: Any = DockerEvents
            self._events = make(client)
            self._said = self._events.subscribe(filters=self._filters, since=since)

    def __aiter__(self) -> AsyncIterator[RuntimeEvent]:
        return self._read()

    async def _read(self) -> AsyncIterator[RuntimeEvent]:
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    message = await self._said.get()
            except TimeoutError:
                async with self._engine.call("answer", 10) as client:
                    await client.version()
                continue
            if message is None:
                return
            event = self._translator.event(message)
            if event is not None:
                yield event

    async def close(self) -> None:
        if self._events is None:
            return
        task = self._events.task
        if task is not None:
            task.cancel()
            with suppress(
                asyncio.CancelledError,
                aiodocker.DockerError,
                aiohttp.ClientError,
                OSError,
                ValueError,
            ):
                await task
