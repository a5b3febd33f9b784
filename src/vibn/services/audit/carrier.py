"""Carries what a spool holds into the store, and signs how far the store got.

The order makes a kill at any point harmless: rows into the store (a repeated row is left as it
is), then the anchor, then the segment goes. So an anchor never says more than the store has, and
a row is in a segment or in the store at every moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from vibn.authority import AuditHead, AuditRow
from vibn.errors import InvalidInput
from vibn.services.audit import head, spool
from vibn.services.audit.anchors import Anchors
from vibn.services.audit.keys import Keys
from vibn.services.clock import Clock
from vibn.store.authority import Trail

log = logging.getLogger(__name__)

BATCH = 500
"""Rows in one transaction."""


class Carrier:
    """Every method raises StoreUnavailable or OSError, and may be called again then."""

    def __init__(self, trail: Trail, keys: Keys, anchors: Anchors, clock: Clock) -> None:
        self._trail = trail
        self._keys = keys
        self._anchors = anchors
        self._clock = clock

    async def carry(self, waiting: spool.Spool) -> AuditHead | None:
        """All that waits in it now. Returns how far its chain got, signed, if it got further."""
        newest = None
        for segment in waiting.cut():
            try:
                newest = await self.put(await asyncio.to_thread(_rows, segment)) or newest
            except (ValueError, InvalidInput):
                log.error("audit rows in %s are damaged: set aside as .damaged", segment)
                waiting.quarantine(segment)
            else:
                waiting.drop(segment)
        return newest

    async def adopt(self, waiting: spool.Spool) -> None:
        """What a killed process left. Its chain ends with a head that is not final."""
        await self.carry(waiting)
        last = await asyncio.to_thread(self._anchors.get, waiting.chain)
        if last is not None:
            await self._trail.append((), (last,))

    async def put(self, rows: Sequence[AuditRow]) -> AuditHead | None:
        """Rows of one chain, in order; the last of them is the chain's anchor then."""
        for start in range(0, len(rows), BATCH):
            await self._trail.append(rows[start : start + BATCH])
        key = self._keys.of_chain(rows[-1].chain) if rows else None
        if key is None:
            return None
        last = rows[-1]
        newest = head.sign(key, last.chain, last.seq, last.mac, self._clock.now())
        await asyncio.to_thread(self._anchors.put, newest)
        return newest

    async def publish(self, newest: AuditHead) -> None:
        """A head into the store; a final one is the chain's last anchor too."""
        await self._trail.append((), (newest,))
        if newest.final:
            await asyncio.to_thread(self._anchors.put, newest)


def _rows(segment: Path) -> list[AuditRow]:
    """Raises ValueError when it holds anything but rows of its chain."""
    rows = spool.read(segment)
    if any(row.chain != segment.parent.name for row in rows):
        raise ValueError("a row of another chain")
    return rows
