"""Rows and containers, brought together again after crashes and after another's hand.

    row                          container                what is done
    lease held                   any                      nothing: someone is at work
    lease expired                any                      the operation is rolled forward
    running                      stopped, gone            row: suspended (stopped)
    running                      frozen                   row: suspended (frozen)
    suspended, failed            running                  row: running
    any                          failed                   row: failed, with the reason
    none                         there                    see ``strays.py``: never swept silently
    any, none                    only volumes left        nothing, ever

A box that ended by itself is not started again here: where the engine restarts its containers
(``unless-stopped``) it has done so already, and elsewhere the next call does. So a box that
crashes at once costs nothing while nobody uses it.

A full pass costs the runtime's list and two SELECTs, and a look at those boxes alone that differ.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from vibn.errors import VibnError
from vibn.models import Box, BoxState, EventKind, OwnedBox, RuntimeEvent, RuntimeState, Tier
from vibn.services.life.boxes import Boxes
from vibn.services.life.strays import Strays

log = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two full passes; events are handled as they come."""

_QUIET: Mapping[EventKind, tuple[tuple[BoxState, Tier | None], ...]] = {
    EventKind.STARTED: ((BoxState.RUNNING, None),),
    EventKind.STOPPED: ((BoxState.SUSPENDED, Tier.STOPPED),),
    EventKind.DIED: ((BoxState.SUSPENDED, Tier.STOPPED),),
    EventKind.REMOVED: ((BoxState.SUSPENDED, Tier.STOPPED),),
}
"""What a row says already when the event was our own doing."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one full pass did, by box id."""

    rolled_forward: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Containers of this installation without a row that were left alone."""
    failed: tuple[str, ...] = ()


class Reconciler:
    """``run`` has one owner. Several control planes may each run one: the leases keep order."""

    def __init__(self, boxes: Boxes, strays: Strays, interval: float = INTERVAL) -> None:
        self._boxes = boxes
        self._store = boxes.store
        self._runtime = boxes.runtime
        self._clock = boxes.clock
        self._strays = strays
        self._interval = interval
        self._projects: dict[str, str] = {}
        self._waiting: dict[str, RuntimeEvent] = {}
        """The newest event of each box that is not handled yet; so it holds no more than boxes."""
        self._came = asyncio.Event()

    async def run(self) -> None:
        """Pass after pass and event after event, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._passes(), name="reconcile passes")
            group.create_task(self._events(), name="reconcile events")
            group.create_task(self._follow_events(), name="reconcile what the events told")

    async def once(self) -> Pass:
        """One full pass. A box that cannot be mended now is logged and left to the next pass."""
        owned = {box.ref.box_id: box for box in await self._runtime.list()}
        rows = [row for row in await self._store.boxes() if row.runtime == self._runtime.name]
        self._projects = {row.box_id: row.project_id for row in rows}
        forward: list[str] = []
        followed: list[str] = []
        failed: list[str] = []
        for row in rows:
            if self._boxes.leases.active(row):
                continue
            if row.operation or row.state is BoxState.PROVISIONING:
                await self._try(self._recover, row, forward, failed)
            elif not _agree(row, owned.get(row.box_id)):
                await self._try(self._follow, row, followed, failed)
        known = set(self._projects) | {box.box_id for box in await self._store.warm()}
        alone = [box for box in owned.values() if box.has_container and box.ref.box_id not in known]
        removed = await self._strays.look(alone)
        unknown = {box.ref.box_id for box in alone} - set(removed)
        return Pass(
            tuple(forward), tuple(followed), tuple(removed), tuple(sorted(unknown)), tuple(failed)
        )

    async def handle(self, event: RuntimeEvent) -> None:
        """Act on one event; one that our own operation caused costs one SELECT.

        That the kernel killed a process in a box for its memory is nothing to act on: if the box
        died of it, another event tells so.
        """
        if event.kind is EventKind.OOM:
            return
        if event.kind is EventKind.RESYNC or event.ref is None:
            await self.once()
            return
        project_id = await self._project_of(event.ref.box_id)
        row = await self._store.box(project_id) if project_id else None
        if row is None or row.operation:
            return
        if (row.state, row.tier) not in _QUIET.get(event.kind, ()):
            await self._boxes.follow(row.project_id)

    async def _project_of(self, box_id: str) -> str:
        if box_id not in self._projects:
            rows = await self._store.boxes()
            self._projects = {row.box_id: row.project_id for row in rows}
        return self._projects.get(box_id, "")

    async def _recover(self, row: Box) -> bool:
        return await self._boxes.recover(row)

    async def _follow(self, row: Box) -> bool:
        return await self._boxes.follow(row.project_id) is not None

    async def _try(
        self,
        mend: Callable[[Box], Awaitable[bool]],
        row: Box,
        done: list[str],
        failed: list[str],
    ) -> None:
        try:
            if await mend(row):
                done.append(row.box_id)
                log.info("reconciled box %s (%s %s)", row.box_id, row.state, row.operation)
        except VibnError as error:
            failed.append(row.box_id)
            log.warning("box %s is not reconciled: %s", row.box_id, error)

    async def _passes(self) -> None:
        while True:
            try:
                await self.once()
            except VibnError as error:
                log.warning("no reconcile pass: %s", error)
            await self._clock.sleep(self._interval)

    async def _events(self) -> None:
        while True:
            try:
                async for event in self._runtime.watch():
                    self._note(event)
            except VibnError as error:
                log.warning("no events of the runtime: %s", error)
            await self._clock.sleep(1.0)

    def _note(self, event: RuntimeEvent) -> None:
        if event.kind is EventKind.OOM:
            log.debug("a process of box %s ran out of memory", event.ref and event.ref.box_id)
            return
        self._waiting[event.ref.box_id if event.ref else ""] = event
        self._came.set()

    async def _follow_events(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            waiting, self._waiting = self._waiting, {}
            for event in waiting.values():
                await self._one(event)

    async def _one(self, event: RuntimeEvent) -> None:
        try:
            await self.handle(event)
        except VibnError as error:
            log.warning("event %s is left to the next pass: %s", event.kind, error)


def _agree(row: Box, owned: OwnedBox | None) -> bool:
    """Whether the list's word fits the row; a doubt costs one look under ``follow``."""
    state = owned.state if owned is not None and owned.has_container else RuntimeState.ABSENT
    match state:
        case RuntimeState.RUNNING | RuntimeState.STARTING:
            return row.state is BoxState.RUNNING
        case RuntimeState.FROZEN:
            return row.state is BoxState.SUSPENDED and row.tier is Tier.FROZEN
        case RuntimeState.FAILED:
            return row.state is BoxState.FAILED
        case _:
            asleep = row.state is BoxState.SUSPENDED and row.tier is Tier.STOPPED
            return asleep or row.state is BoxState.FAILED
