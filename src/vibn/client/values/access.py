"""Who may do what: workspaces and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Workspace:
    """The tenant."""

    slug: str
    name: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Me:
    """Whom the server takes the caller for. ``project`` is None when the token reaches all
    projects of its workspace; ``access`` is ``full`` or ``read``."""

    token_id: str
    name: str
    workspace: str
    project: str | None
    access: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its text, which is known to its holder alone."""

    id: str
    name: str
    workspace: str
    project: str | None
    access: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedToken(Token):
    """A new token. Its text is in ``token``: the server does not show it a second time."""

    token: str = ""

    def __repr__(self) -> str:
        return f"IssuedToken(id={self.id!r}, name={self.name!r}, token=...)"
