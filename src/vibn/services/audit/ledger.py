"""The chain that this process writes: noted rows on their way through the spool to the store."""

from __future__ import annotations

import logging

from vibn.authority import AuditHead
from vibn.services.audit import head, line
from vibn.services.audit.carrier import Carrier
from vibn.services.audit.chain import Chain
from vibn.services.audit.entry import Entry
from vibn.services.audit.keys import Key
from vibn.services.audit.spool import Spools
from vibn.services.clock import Clock

log = logging.getLogger(__name__)

HEAD_ROWS = 1000
HEAD_SECONDS = 60.0
"""A head goes to the store after so many rows, and after so long when there are new rows."""


class Ledger:
    """Raises OSError when its spool cannot be made."""

    def __init__(self, key: Key, spools: Spools, clock: Clock) -> None:
        self._chain = Chain(key)
        self._spool = spools.begin(self._chain.name)
        self._clock = clock
        self._held: list[tuple[int, bytes]] = []
        """Rows that the disk did not take, in order."""
        self._reached: AuditHead | None = None
        """How far the store got, signed."""
        self._published = 0
        self._published_at = clock.now()

    @property
    def size(self) -> int:
        """Bytes that wait in the spool."""
        return self._spool.size

    @property
    def held(self) -> int:
        """Rows that a SIGKILL would lose, because the disk did not take them."""
        return len(self._held)

    def note(self, entry: Entry) -> None:
        row = self._chain.add(entry)
        self._held.append((self._chain.seq, row))
        try:
            self._write()
        except OSError as error:
            if len(self._held) == 1:
                log.error("audit rows are held in memory, calls are refused: %s", error)

    async def carry(self, carrier: Carrier) -> None:
        """Everything noted is in the store. Raises StoreUnavailable, OSError."""
        self._reached = await carrier.carry(self._spool) or self._reached
        if self._held:
            await self._rescue(carrier)

    async def publish_when_due(self, carrier: Carrier) -> None:
        """Raises StoreUnavailable."""
        reached, now = self._reached, self._clock.now()
        new = reached.seq - self._published if reached else 0
        waited = (now - self._published_at).total_seconds()
        if reached and (new >= HEAD_ROWS or (new and waited >= HEAD_SECONDS)):
            await carrier.publish(reached)
            self._published, self._published_at = reached.seq, now
        elif not new:
            self._published_at = now

    async def end(self, carrier: Carrier) -> None:
        """Carry the rest and sign the end. When that fails, what waits is for the next process.
        Raises StoreUnavailable, OSError."""
        try:
            await self.carry(carrier)
            if self._chain.seq:
                await carrier.publish(self._final())
        finally:
            self._spool.close()

    def _write(self) -> None:
        while self._held:
            self._spool.append(*self._held[0])
            del self._held[0]

    async def _rescue(self, carrier: Carrier) -> None:
        """What the disk did not take: once more there, else straight to the store, where
        everything before it is by now."""
        try:
            self._write()
        except OSError:
            held = list(self._held)
            self._reached = await carrier.put([line.parse(row) for _, row in held])
            # Meanwhile the disk may have taken some, and others may have come.
            self._held = [row for row in self._held if row[0] > held[-1][0]]
        else:
            self._reached = await carrier.carry(self._spool) or self._reached

    def _final(self) -> AuditHead:
        chain = self._chain
        now = self._clock.now()
        return head.sign(chain.key, chain.name, chain.seq, chain.mac, now, final=True)
