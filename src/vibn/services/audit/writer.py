"""The audit trail as services write it: noted in microseconds, in the store half a second later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from vibn.errors import StoreUnavailable, Unavailable
from vibn.services.audit.anchors import Anchors
from vibn.services.audit.carrier import Carrier
from vibn.services.audit.entry import Entry
from vibn.services.audit.fingerprint import fingerprint
from vibn.services.audit.keys import Keys
from vibn.services.audit.ledger import Ledger
from vibn.services.audit.report import Report
from vibn.services.audit.spool import Spools
from vibn.services.audit.verify import verify
from vibn.services.clock import Clock, SystemClock
from vibn.store.authority import Trail

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two times that rows are carried to the store."""
LOOK = timedelta(seconds=30)
"""Between two looks for what killed processes left."""
MOST = 64 << 20
"""Bytes that may wait for the store; beyond, calls are refused before they begin."""


class Audit:
    """Use it as ``async with``. ``note`` and ``admit`` are for the event loop's thread.

    ``state_dir`` holds the key (``audit.key``), the spools and the anchors (in ``audit/``).
    """

    def __init__(
        self, trail: Trail, state_dir: Path, clock: Clock | None = None, most: int = MOST
    ) -> None:
        self._trail = trail
        self._clock = clock or SystemClock()
        self._most = most
        self._keys = Keys(state_dir / "audit.key")
        self._anchors = Anchors(state_dir / "audit" / "anchors")
        self._spools = Spools(state_dir / "audit" / "spool")
        self._carrier = Carrier(trail, self._keys, self._anchors, self._clock)
        self._carrying = asyncio.Lock()
        self._ledger: Ledger | None = None
        self._looked = self._clock.now() - LOOK
        self._away = False
        self._full = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Audit:
        """Raises Denied or InvalidInput (the key file), OSError."""
        self._ledger = self._begin()
        self._task = asyncio.create_task(self._run(), name="audit")
        self._task.add_done_callback(_tell)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def fingerprint(self, arguments: Mapping[str, object]) -> str:
        """A keyed hash, for ``Entry.arguments``. Never raises; costs a few milliseconds at most."""
        return fingerprint(self._keys.newest().arguments, arguments)

    def admit(self) -> None:
        """Before a call begins: raises Unavailable when it is not sure that it can be noted."""
        ledger = self._ledger
        if ledger is not None and ledger.held:
            raise Unavailable(
                "Calls are refused: the audit spool cannot be written.",
                hint="Free space in VIBN_STATE_DIR on the server; calls go on by themselves.",
            )
        full = ledger is not None and ledger.size >= self._most
        if full and not self._full:
            log.error("calls are refused: %d bytes of audit rows wait for the store", self._most)
        self._full = full
        if full:
            raise Unavailable(
                "Calls are refused: too many audit rows wait for the database.",
                hint="Check the database of the server; calls go on by themselves.",
            )

    def note(self, entry: Entry) -> None:
        """When it returns, the row outlives this process. Never raises for what a call holds, and
        takes whatever was admitted. After ``close`` a row goes to the spool of a new chain, for
        the next process."""
        try:
            self._ledger = self._ledger or self._begin()
        except OSError as error:
            log.error("an audit row after the close is lost: %s", error)
        else:
            self._ledger.note(entry)

    async def flush(self) -> None:
        """What was noted is in the store. Raises StoreUnavailable, OSError."""
        async with self._carrying:
            if self._ledger is not None:
                await self._ledger.carry(self._carrier)

    async def verify(self) -> Report:
        """Raises StoreUnavailable."""
        return await verify(self._trail, self._keys, self._anchors, self._spools)

    async def close(self) -> None:
        """The rest into the store, and the end of the chain signed. When the store is away, rows
        stay in the spool for the next process."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            await self._end(ledger)

    async def _end(self, ledger: Ledger) -> None:
        try:
            async with self._carrying:
                await ledger.end(self._carrier)
        except (StoreUnavailable, OSError) as error:
            log.warning("audit rows stay in the spool for the next process: %s", error)
        if ledger.held:
            log.error("%d audit rows are lost: the disk did not take them", ledger.held)

    def _begin(self) -> Ledger:
        return Ledger(self._keys.newest(), self._spools, self._clock)

    async def _run(self) -> None:
        while True:
            try:
                await self._round()
            except (StoreUnavailable, OSError) as error:
                if not self._away:
                    log.warning("audit rows wait in the spool: %s", error)
                self._away = True
            else:
                self._away = False
            await self._clock.sleep(EVERY)

    async def _round(self) -> None:
        async with self._carrying:
            if self._ledger is not None:
                await self._ledger.carry(self._carrier)
                await self._ledger.publish_when_due(self._carrier)
        if self._clock.now() - self._looked >= LOOK:
            await self._adopt()
            self._looked = self._clock.now()

    async def _adopt(self) -> None:
        left = self._spools.adopt()
        try:
            for spool in left:
                await self._carrier.adopt(spool)
        finally:
            for spool in left:
                spool.close()


def _tell(task: asyncio.Task[None]) -> None:
    """A task that ended by surprise stops nothing yet: the spool grows until calls are refused."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.critical("audit rows are not carried to the store any more", exc_info=error)
