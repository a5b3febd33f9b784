"""The lease on a box's row: one control plane at a time changes the container.

    free     --take-->  held      save(row + operation, owner, until) by compare-and-set
    held     --renew--> held      every third of its length, while the operation runs
    held     --settle-> free      the outcome is saved and the lease ends in one write
    held     --killed-> expired   nobody renews; ``operation`` still tells what was meant
    expired  --take-->  held      by anyone, who learns what was interrupted

A holder that cannot renew in time has lost the lease: its operation is cancelled, because another
may be at work on the container.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self

from vibn.errors import BoxAbsent, BoxBusy, StoreUnavailable, VibnError
from vibn.models import Box
from vibn.services.clock import Clock
from vibn.services.life.faults import Effect, Faults
from vibn.store.base import Store

log = logging.getLogger(__name__)

LENGTH = 30.0
"""Seconds a lease lasts unless renewed: how long a killed operation blocks its box at most."""
POLL = 0.05
"""Seconds between two looks at a row that another holds."""


class Leases:
    """Takes leases for one control plane. ``owner`` is random and only ever read by people."""

    def __init__(
        self, store: Store, clock: Clock, owner: str, faults: Faults, length: float = LENGTH
    ) -> None:
        self.store = store
        self.clock = clock
        self.owner = owner
        self.faults = faults
        self.length = length

    def leased(self, row: Box, operation: str) -> Box:
        until = self.clock.now() + timedelta(seconds=self.length)
        return row.leased(operation, self.owner, until)

    def active(self, row: Box) -> bool:
        """Whether someone, alive as far as we know, changes this box now."""
        until = row.operation_until
        return bool(row.operation) and until is not None and until > self.clock.now()

    async def claim(self, row: Box, operation: str) -> Held | None:
        """Insert a first row with the lease on it. None: the project has a row by now."""
        with self.faults.around(Effect.CLAIM_ROW):
            there, ours = await self.store.claim(self.leased(row, operation))
        return Held(self, there, "") if ours else None

    async def take(self, row: Box, operation: str) -> Held | None:
        """The lease if the row is still as read and nobody holds it, else None; never waits."""
        if self.active(row):
            return None
        with self.faults.around(Effect.TAKE_LEASE):
            saved = await self.store.save_box(self.leased(row, operation))
        return None if saved is None else Held(self, saved, row.operation)

    async def wait(
        self, project_id: str, operation: str, enough: Callable[[Box], bool], within: float
    ) -> Held | Box:
        """The lease, or the row as soon as it is free of others and ``enough`` as it is.

        Raises BoxAbsent without a row, BoxBusy when another holds it for ``within`` seconds.
        """
        deadline = self.clock.now() + timedelta(seconds=within)
        while True:
            row = await self.store.box(project_id)
            if row is None:
                raise BoxAbsent("The project has no dev container.")
            if not row.operation and enough(row):
                return row
            held = await self.take(row, operation)
            if held is not None:
                return held
            if self.clock.now() >= deadline:
                raise BoxBusy(
                    f"The dev container is busy ({row.operation}) since more than {within:g} s.",
                    detail={"operation": row.operation},
                )
            await self.clock.sleep(POLL)


class Held:
    """A lease in our hands, with the row as it is now. Use it as ``async with``.

    Left without ``settle`` or ``drop`` (an error, a cancellation), it ends the lease at once and
    leaves the operation's name on the row: whoever comes next rolls it forward.
    """

    def __init__(self, leases: Leases, row: Box, interrupted: str) -> None:
        self._leases = leases
        self._store = leases.store
        self.row = row
        self.interrupted = interrupted
        """The operation of an expired lease that this one took over, or empty."""
        self._open = True
        self._lost = False
        self._writing = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self._cancels = 0
        """How often the task had been cancelled before it came here."""

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._cancels = task.cancelling()
        self._renewal = asyncio.create_task(self._renew(task), name=f"lease {self.row.box_id}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        late = await self._end_renewal()
        if self._lost:
            self._give_up(late or error)
        elif self._open:
            await self._expire()
        if late is not None and not self._lost:
            raise late

    async def _end_renewal(self) -> asyncio.CancelledError | None:
        """A cancellation that came only now: a lease can be lost until its renewal has ended."""
        if self._renewal is None:
            return None
        self._renewal.cancel()
        late = None
        while not self._renewal.done():
            try:
                await asyncio.wait([self._renewal])
            except asyncio.CancelledError as error:
                late = error
                self._renewal.cancel()
        return late

    def _give_up(self, error: BaseException | None) -> None:
        """Raise BoxBusy in place of the cancellation with which ``_lose`` ended the work; but one
        that came from elsewhere too goes on."""
        task = asyncio.current_task()
        assert task is not None
        if task.uncancel() > self._cancels:
            raise error if isinstance(error, asyncio.CancelledError) else asyncio.CancelledError
        if error is None or isinstance(error, asyncio.CancelledError):
            raise self._taken() from error

    @property
    def open(self) -> bool:
        """Whether the lease is still ours and the operation not settled."""
        return self._open

    async def keep(self, row: Box, operation: str = "", effect: Effect = Effect.KEEP_ROW) -> None:
        """Save the row in the middle of the operation, which may go on under another name."""
        await self._save(replace(row, operation=operation or self.row.operation), effect)

    async def settle(self, row: Box) -> Box:
        """Save the outcome and end the lease. Returns the row as stored."""
        await self._save(row.released(), Effect.SETTLE_ROW)
        self._open = False
        return self.row

    async def drop(self) -> None:
        """Delete the row, and the lease with it."""
        async with self._writing:
            with self._leases.faults.around(Effect.DELETE_ROW):
                gone = await self._store.delete_box(self.row)
            self._open = False
            if not gone:
                raise self._taken()

    async def _save(self, row: Box, effect: Effect) -> None:
        async with self._writing:
            await self._write(row, effect)

    async def _write(self, row: Box, effect: Effect) -> None:
        mine = replace(row, version=self.row.version)
        if mine.operation:
            mine = self._leases.leased(mine, mine.operation)
        with self._leases.faults.around(effect):
            saved = await self._store.save_box(mine)
        if saved is None:
            self._open = False
            raise self._taken()
        self.row = saved

    def _taken(self) -> BoxBusy:
        return BoxBusy("Another control plane took this dev container over.")

    async def _renew(self, holder: asyncio.Task[object]) -> None:
        clock, length = self._leases.clock, self._leases.length
        renewal = asyncio.current_task()
        assert renewal is not None
        while not renewal.cancelling():
            await clock.sleep(length / 3)
            try:
                async with self._writing:
                    if not self._open:
                        return
                    await self._write(self.row, Effect.RENEW_LEASE)
            except StoreUnavailable as error:
                log.warning("lease of box %s not renewed: %s", self.row.box_id, error)
                until = self.row.operation_until
                if until is not None and until > clock.now():
                    continue
                self._lose(holder)
                return
            except BoxBusy:
                self._lose(holder)
                return

    def _lose(self, holder: asyncio.Task[object]) -> None:
        self._open = False
        self._lost = True
        holder.cancel()

    async def _expire(self) -> None:
        ended = replace(self.row, operation_until=self._leases.clock.now())
        try:
            async with asyncio.timeout(5):
                with self._leases.faults.around(Effect.EXPIRE_LEASE):
                    await self._store.save_box(ended)
        except (VibnError, TimeoutError) as error:
            log.warning("lease of box %s is left to expire: %s", self.row.box_id, error)
