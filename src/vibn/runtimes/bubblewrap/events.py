"""What happens to the boxes of one installation, by our hand or another's.

Each pass compares what is on disk and alive with what was; between passes it sleeps until a
box's first process ends (a pidfd tells at once), somebody calls ``nudge``, or a second is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass

from vibn.models import BoxRef, EventKind, RuntimeEvent
from vibn.runtimes.processes import Process

_PASS = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One box at one moment. ``wanted``: whether it is meant to run."""

    ref: BoxRef
    process: Process | None
    wanted: bool
    oom_kills: int
    exit_code: int | None


class Watch:
    """``look`` tells the boxes of now, by id."""

    def __init__(self, look: Callable[[], Mapping[str, Seen]]) -> None:
        self._look = look
        self._nudges: set[asyncio.Event] = set()

    def nudge(self) -> None:
        """Something changed: let every watcher look at once."""
        for event in self._nudges:
            event.set()

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        """For ever. What happens after the first step is told; while a watcher of this kind
        runs there are no gaps, except when looking fails, after which it says RESYNC."""
        woken = asyncio.Event()
        self._nudges.add(woken)
        try:
            seen = await asyncio.to_thread(self._look)
            while True:
                # Not wait_for: before Python 3.12 it may swallow our cancellation.
                with _alarms(seen, woken), contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PASS):
                        await woken.wait()
                woken.clear()
                try:
                    now = await asyncio.to_thread(self._look)
                except OSError:
                    yield RuntimeEvent(EventKind.RESYNC, None)
                    continue
                for event in differences(seen, now):
                    yield event
                seen = now
        finally:
            self._nudges.discard(woken)


def differences(before: Mapping[str, Seen], now: Mapping[str, Seen]) -> Iterator[RuntimeEvent]:
    """What happened between two looks."""
    for box_id, old in before.items():
        new = now.get(box_id)
        if new is not None and new.oom_kills > old.oom_kills and new.process == old.process:
            yield RuntimeEvent(EventKind.OOM, new.ref)
        if old.process is not None and (new is None or new.process != old.process):
            unasked = new is not None and new.wanted and new.process is None
            kind = EventKind.DIED if unasked else EventKind.STOPPED
            if unasked and new is not None and new.oom_kills > old.oom_kills:
                yield RuntimeEvent(EventKind.OOM, new.ref)
            yield RuntimeEvent(kind, old.ref, None if new is None else new.exit_code)
        if new is None or new.ref != old.ref:
            yield RuntimeEvent(EventKind.REMOVED, old.ref)
    for box_id, new in now.items():
        old_ = before.get(box_id)
        if new.process is not None and (old_ is None or old_.process != new.process):
            yield RuntimeEvent(EventKind.STARTED, new.ref)


@contextlib.contextmanager
def _alarms(seen: Mapping[str, Seen], woken: asyncio.Event) -> Iterator[None]:
    """Set ``woken`` when the first process of any box ends."""
    loop = asyncio.get_running_loop()
    fds: list[int] = []
    try:
        for box in seen.values():
            if box.process is None:
                continue
            try:
                fd = box.process.open()
            except OSError:
                # Out of descriptors: the next pass tells.
                break
            if fd is None:
                woken.set()
                continue
            fds.append(fd)
            loop.add_reader(fd, woken.set)
        yield
    finally:
        for fd in fds:
            loop.remove_reader(fd)
            os.close(fd)
