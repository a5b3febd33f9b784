"""Follows one chain row by row, and holds it against the heads that were signed of it."""

from __future__ import annotations

from datetime import datetime

from vibn.authority import AuditHead, AuditRow
from vibn.services.audit import head, line
from vibn.services.audit.chain import beginning, mac
from vibn.services.audit.keys import Key
from vibn.services.audit.report import Findings, Problem


class Follower:
    """Feed it all heads, then all rows, then ``end``. Without a key it counts only."""

    def __init__(self, chain: str, key: Key | None) -> None:
        self.findings = Findings()
        self.rows = 0
        self.last_at: datetime | None = None
        self.closed = False
        """A genuine head says that the process ended the chain."""
        self._chain = chain
        self._key = key
        self._seq = 0
        self._macs: tuple[str, ...] = (beginning(key, chain),) if key else ()
        """What the next row may be sealed with: the mac of the row before it as it is stored,
        and, where that row was changed, as it should be. None after a gap."""
        self._signed: dict[int, str] = {}
        self._reach = 0
        self._must_be_closed = False

    @property
    def unsigned(self) -> int:
        return max(0, self._seq - self._reach)

    def expect(self, signed: AuditHead) -> None:
        """A head from the store."""
        if self._key is None:
            return
        if self._is_ours(self._key, signed):
            self._take(signed)
            self.closed = self.closed or signed.final
        else:
            seq = signed.seq if isinstance(signed.seq, int) else 0
            self.findings.add(Problem.HEAD, seq)

    def expect_anchor(self, anchor: AuditHead | None) -> None:
        """None: there is one, and it cannot be read."""
        if self._key is None:
            return
        if anchor is not None and self._is_ours(self._key, anchor):
            self._take(anchor)
            self._must_be_closed = anchor.final
        else:
            self.findings.add(Problem.ANCHOR)

    def unreadable(self, seq: int) -> None:
        """The store could not read the row that should have this number."""
        self.rows += 1
        self._seq, self._macs = seq, ()
        self.findings.add(Problem.CHANGED, seq)

    def follow(self, row: AuditRow) -> None:
        self.rows += 1
        if not isinstance(row.seq, int) or row.seq <= self._seq:
            out_of_order = row.seq if isinstance(row.seq, int) else self._seq + 1
            self.findings.add(Problem.CHANGED, out_of_order)
            return
        if row.seq > self._seq + 1:
            self.findings.add(Problem.MISSING, self._seq + 1, row.seq - 1)
            self._macs = ()
        self._seq, self.last_at = row.seq, row.at
        if self._key is not None:
            self._check(self._key, row)

    def end(self, waiting: int | None) -> None:
        """``waiting`` is the first row that its spool still holds."""
        reach = max(self._reach, (waiting or 1) - 1)
        if reach > self._seq:
            problem = Problem.CUT_OFF if self.rows else Problem.GONE
            self.findings.add(problem, self._seq + 1, reach)
        if self._must_be_closed and not self.closed:
            self.findings.add(Problem.HEAD, self._reach)

    def _is_ours(self, key: Key, signed: AuditHead) -> bool:
        return signed.chain == self._chain and head.genuine(key, signed)

    def _take(self, signed: AuditHead) -> None:
        self._signed[signed.seq] = signed.mac
        self._reach = max(self._reach, signed.seq)

    def _check(self, key: Key, row: AuditRow) -> None:
        wanted = self._wanted(key, row)
        linked = row.mac in wanted or not self._macs
        if wanted and linked and self._signed.get(row.seq, row.mac) == row.mac:
            self._macs = (row.mac,)
        else:
            self.findings.add(Problem.CHANGED, row.seq)
            stored = (row.mac,) if isinstance(row.mac, str) else ()
            self._macs = (*stored, *wanted[-1:])

    def _wanted(self, key: Key, row: AuditRow) -> tuple[str, ...]:
        """The macs that it may have; of a row that holds no values of ours, none."""
        try:
            unsealed = line.body(row)
            return tuple(mac(key, before, unsealed) for before in self._macs or ("",))
        except (TypeError, ValueError, AttributeError, OverflowError):
            return ()
