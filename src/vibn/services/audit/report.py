"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST = 20
"""Findings that a chain's verdict names; the others are counted."""


class Problem(StrEnum):
    CHANGED = "changed"
    """A row is not what was written there: changed, put in, moved, or of another chain."""
    MISSING = "missing"
    """Rows between others are not there."""
    CUT_OFF = "cut_off"
    """Rows at the end are not there: what was signed, or waits in a spool, goes on."""
    GONE = "gone"
    """All rows of the chain are missing."""
    HEAD = "head"
    """A head in the store is changed, or the last one is missing."""
    ANCHOR = "anchor"
    """The anchor in the state directory is changed or unreadable."""
    KEY = "key"
    """The key that the chain names is not in the key file: nothing of it can be verified."""


class End(StrEnum):
    CLOSED = "closed"
    RUNNING = "running"
    KILLED = "killed"
    """Its process was killed; its rows are in the store."""
    WAITING = "waiting"
    """Its process was killed, and rows of it wait in its spool for the next process."""
    ELSEWHERE = "elsewhere"
    """Not closed, and written from another state directory: verify it there too, where its
    anchor is."""


_TEXTS = {
    Problem.CHANGED: "{} not as written",
    Problem.MISSING: "{} missing",
    Problem.CUT_OFF: "{} cut off the end",
    Problem.GONE: "the whole chain is missing: {}",
    Problem.HEAD: "the signed heads were changed or removed ({})",
    Problem.ANCHOR: "the anchor was changed or cannot be read",
    Problem.KEY: "its key is not in the key file",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """``first`` to ``last`` are the numbers of the rows that it is about."""

    problem: Problem
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        several = self.last > self.first
        rows = f"rows {self.first} to {self.last}" if several else f"row {self.first}"
        return _TEXTS[self.problem].format(rows)


class Findings:
    """Gathers, each row once; neighbours of one kind become one."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self.more = 0

    def add(self, problem: Problem, first: int = 0, last: int | None = None) -> None:
        last = first if last is None else last
        before = self._found[-1] if self._found else None
        if before and before.problem is problem and before.first <= first <= before.last + 1:
            self._found[-1] = Finding(problem, before.first, max(before.last, last))
        elif len(self._found) < MOST:
            self._found.append(Finding(problem, first, last))
        else:
            self.more += 1

    def found(self) -> tuple[Finding, ...]:
        return tuple(self._found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``last`` is the time of the last row, ``unsigned`` how many rows follow the last signed one:
    an end that could be cut off unseen. ``chain`` is for showing."""

    chain: str
    rows: int
    last: datetime | None
    end: End
    unsigned: int
    findings: tuple[Finding, ...] = ()
    more: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def problem(self) -> str:
        """For a person; empty when all is well."""
        texts = [str(finding) for finding in self.findings]
        return "; ".join([*texts, f"and {self.more} more"] if self.more else texts)


@dataclass(frozen=True, slots=True)
class Report:
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        return all(verdict.ok for verdict in self.verdicts)
