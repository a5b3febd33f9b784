"""What was done: rows of the audit trail, and whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One call. ``arguments`` is a keyed hash of them; ``outcome`` is ``ok`` or an error's code."""

    chain: str
    seq: int
    at: datetime
    request: str
    surface: str
    token: str
    workspace: str
    project: str
    tool: str
    arguments: str
    paths: tuple[str, ...]
    outcome: str
    ms: float
    received: int = 0
    sent: int = 0
    mac: str = ""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Newest first. ``next`` is what ``before`` takes for the page after this one."""

    rows: tuple[AuditRow, ...]
    next: str | int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """One process's rows. ``problem`` is empty when none was changed, lost or cut off."""

    chain: str
    rows: int
    last: datetime | str | int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    ok: bool
    chains: tuple[Chain, ...]
