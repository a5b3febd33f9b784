"""A project's dev container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BoxSummary:
    """The box in a project's listing. ``state`` is absent, provisioning, running, suspended or
    failed; ``tier`` of a suspended one is frozen or stopped; ``line`` is for a person."""

    state: str
    tier: str | None = None
    image: str = ""
    line: str = ""
    reason: str = ""
    last_active_at: datetime | None = None
    suspended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """The runtime's own word on the box, now. ``unapplied`` are limits it could not set."""

    state: str
    reason: str = ""
    oom_killed: bool = False
    exit_code: int | None = None
    started_at: datetime | None = None
    image: str = ""
    unapplied: tuple[str, ...] = ()
    limits_by: str = ""


@dataclass(frozen=True, slots=True)
class BoxStatus(BoxSummary):
    """``live`` only when a live look was asked for."""

    exists: bool = True
    service_uuid: str = ""
    live: Live | None = None


@dataclass(frozen=True, slots=True)
class Ensured:
    """``created``: whether this very call made the box. ``note`` is for a person, such as why
    the seed failed."""

    state: str
    created: bool
    service_uuid: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BoxInfo:
    """A look from inside the box; what cannot be seen there is None or missing."""

    version: str
    python: str
    uptime: float
    user: str = ""
    cpu: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    memory: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    pids: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    disk: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    ports: tuple[Mapping[str, object], ...] = ()
    agent: Mapping[str, int | None] = field(default_factory=dict[str, int | None])
    ripgrep: bool = False
