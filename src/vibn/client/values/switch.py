"""The kill switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Switch:
    """One that is on: dev containers in its scope (global, workspace, project) answer no call."""

    scope: str
    workspace: str
    project: str
    reason: str
    author: str
    at: datetime
    kill: bool = False


@dataclass(frozen=True, slots=True)
class Switches:
    """Those that are on; ``revision`` grows by one with each change."""

    switches: tuple[Switch, ...]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Replica:
    """A running server, and after how many milliseconds it refused."""

    id: str
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """How long it took until every replica refused, in milliseconds."""

    ms: float
    replicas: tuple[Replica, ...] = ()
