"""Who may do what, and what was done: the frozen values of tokens, switches and audit rows.

Times are timezone-aware UTC datetimes, durations are milliseconds where a name ends in ``_ms``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Access(StrEnum):
    """What the holder of a token may do with what the token reaches."""

    FULL = "full"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is stored: its text is known to its holder alone, we keep a digest.

    ``project`` narrows it to one project of the workspace; ``project_id`` holds it to that very
    project, so that a later project of the same name is another one.
    """

    id: str
    digest: str
    workspace: str
    name: str
    access: Access
    created_at: datetime
    project: str | None = None
    project_id: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Scope(StrEnum):
    """How far a switch reaches."""

    GLOBAL = "global"
    WORKSPACE = "workspace"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Switch:
    """A kill switch that is on: dev containers in its scope answer no call.

    ``workspace`` and ``project`` are slugs, empty where the scope does not name them. ``kill``:
    commands that ran when it was set were ended too.
    """

    scope: Scope
    workspace: str
    project: str
    reason: str
    author: str
    at: datetime
    kill: bool = False

    def covers(self, workspace: str, project: str) -> bool:
        """Whether a call for this project of this workspace is refused. A workspace's own calls,
        without a project, pass ``project`` empty."""
        if self.scope is Scope.GLOBAL:
            return True
        if self.workspace != workspace:
            return False
        return self.scope is Scope.WORKSPACE or self.project == project


@dataclass(frozen=True, slots=True)
class Switches:
    """All that are on. ``revision`` grows by one with each change, so that replicas can tell
    which state they have applied."""

    revision: int = 0
    on: tuple[Switch, ...] = ()

    def over(self, workspace: str, project: str) -> Switch | None:
        """The widest switch that refuses a call for this project, or None."""
        order = list(Scope)
        covering = [s for s in self.on if s.covers(workspace, project)]
        return min(covering, key=lambda s: order.index(s.scope), default=None)


@dataclass(frozen=True, slots=True)
class Replica:
    """One running server of this installation. ``applied`` is the revision of the switches by
    which it answers calls."""

    id: str
    started_at: datetime
    seen_at: datetime
    applied: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One call, as it was noted. ``mac`` chains it to the row before it of the same ``chain``.

    ``arguments`` is a keyed hash: it tells whether two calls were alike, never what they held.
    ``paths`` are the files it named. ``outcome`` is ``ok`` or an error's code.
    """

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
    received: int
    sent: int
    mac: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """A signed statement that ``chain`` reached row ``seq`` with ``mac``. ``final``: the process
    ended there by itself."""

    chain: str
    seq: int
    mac: str
    at: datetime
    final: bool
    signature: str
