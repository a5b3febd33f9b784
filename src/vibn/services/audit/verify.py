"""Verification: finds what was changed, is missing or was cut off in the trail.

Each chain is read in pages and followed from its beginning, and held against what was signed: the
heads in the store, and the anchor outside of it. What grows is read last (spools, anchors, heads,
then rows), so that a process which writes meanwhile looks right.

Rows and heads come from a database that somebody may have changed: nothing of them is believed
before its seal, and values of any type are taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from vibn.authority import AuditHead, AuditRow
from vibn.services.audit.anchors import Anchors
from vibn.services.audit.entry import clean
from vibn.services.audit.follow import Follower
from vibn.services.audit.keys import Key, Keys
from vibn.services.audit.report import End, Problem, Report, Verdict
from vibn.services.audit.spool import Spools, Waiting
from vibn.store.authority import Trail

PAGE = 500
UNREADABLE = 10
"""Rows that the store cannot even read, after which the rest of a chain is given up."""
_BEFORE_ALL = -(1 << 63)
"""No row of ours has a number below one: if somebody put one in, it is to be seen."""
_BAD_VALUE = (ValueError, TypeError)
"""What a store raises for a column that holds no value of its type."""


async def verify(trail: Trail, keys: Keys, anchors: Anchors, spools: Spools) -> Report:
    """Raises StoreUnavailable, and Denied or InvalidInput for the key file."""
    waiting = await asyncio.to_thread(spools.waiting)
    anchored = await asyncio.to_thread(anchors.all)
    try:
        stored = await trail.chains()
    except _BAD_VALUE:
        stored = [""]  # a name that is no text: no chain of ours, and not without a verdict
    verdicts = []
    for name in sorted({*anchored, *stored}):
        verifier = _Chain(trail, name, keys.of_chain(name), waiting.get(name))
        verdicts.append(await verifier.verdict(name in anchored, anchored.get(name)))
    return Report(tuple(verdicts))


class _Chain:
    def __init__(self, trail: Trail, name: str, key: Key | None, waiting: Waiting | None) -> None:
        self._trail = trail
        self._name = name
        self._key = key
        self._waiting = waiting

    async def verdict(self, is_anchored: bool, anchor: AuditHead | None) -> Verdict:
        follower = Follower(self._name, self._key)
        if self._key is None:
            follower.findings.add(Problem.KEY)
        elif is_anchored:
            follower.expect_anchor(anchor)
        for signed in await self._heads(follower):
            follower.expect(signed)
        async for page in self._pages():
            if isinstance(page, int):
                follower.unreadable(page)
            else:
                for row in page:
                    follower.follow(row)
        follower.end(self._waiting.first if self._waiting else None)
        return Verdict(
            chain=clean(self._name),
            rows=follower.rows,
            last=follower.last_at,
            end=self._end(follower, is_anchored),
            unsigned=follower.unsigned,
            findings=follower.findings.found(),
            more=follower.findings.more,
        )

    async def _heads(self, follower: Follower) -> Sequence[AuditHead]:
        try:
            return await self._trail.heads(self._name)
        except _BAD_VALUE:
            follower.findings.add(Problem.HEAD)
            return ()

    async def _pages(self) -> AsyncIterator[Sequence[AuditRow] | int]:
        """The rows, and for one that the store cannot read the number that it should have."""
        after, limit, unreadable = _BEFORE_ALL, PAGE, 0
        while unreadable < UNREADABLE:
            try:
                page = await self._trail.rows(self._name, after, limit)
            except _BAD_VALUE:
                if limit > 1:
                    limit //= 2
                else:
                    after, limit, unreadable = max(after, 0) + 1, PAGE, unreadable + 1
                    yield after
                continue
            yield page
            seqs = [row.seq for row in page if isinstance(row.seq, int)]
            if not seqs or seqs[-1] <= after:
                return
            after = seqs[-1]

    def _end(self, follower: Follower, is_anchored: bool) -> End:
        if follower.closed:
            return End.CLOSED
        if self._waiting is None:
            return End.KILLED if is_anchored else End.ELSEWHERE
        if self._waiting.alive:
            return End.RUNNING
        return End.KILLED if self._waiting.first is None else End.WAITING
