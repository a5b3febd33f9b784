"""Projects: one app being built, with one dev container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vibn.client.values.box import BoxSummary


@dataclass(frozen=True, slots=True)
class Limits:
    """What a box may use at most. None: the server's default."""

    cpus: float | None = None
    memory: int | None = None
    disk: int | None = None
    pids: int | None = None
    log: int | None = None


@dataclass(frozen=True, slots=True)
class Seed:
    """The git repository that a project's first files come from."""

    url: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """``env`` are variables of every command; the values of secrets are never shown."""

    slug: str
    name: str
    workspace: str
    created_at: datetime
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits | None = None
    seed: Seed | None = None
    box: BoxSummary = field(default_factory=lambda: BoxSummary("absent"))
