"""The contracts of what a store keeps about authority: tokens, switches, replicas, the audit trail.

``Store`` holds one of each; ``store/base.py`` tells what all of a store's methods promise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vibn.authority import AuditHead, AuditRow, Replica, Switch, Switches, Token
from vibn.store.located import Located


@dataclass(frozen=True, slots=True)
class Admitted:
    """The answer to the warm path's one SELECT: the token, and the project it asked for with its
    box. ``located`` is None where there is no such project, or none that the token reaches."""

    token: Token
    located: Located | None


class TokenStore(Protocol):
    async def add(self, token: Token) -> Token:
        """Returns it as stored. Raises WorkspaceNotFound, ProjectNotFound (a ``project_id`` of
        another workspace counts as none), AlreadyExists (id or digest)."""
        ...

    async def admit(self, digest: str, project: str | None) -> Admitted | None:
        """The token with this digest and, in one SELECT, the project of its workspace with this
        slug; None for ``project`` means the token's own, if it is held to one. None: nobody
        issued such a token. Expired and revoked ones are answered like others: the caller looks
        at the clock."""
        ...

    async def of_workspace(self, workspace: str) -> Sequence[Token]:
        """All, revoked ones too, oldest first."""
        ...

    async def revoke(self, workspace: str, token_id: str, at: datetime) -> Token:
        """Idempotent: the first time stays. Raises TokenNotFound, also for one of another
        workspace."""
        ...


class SwitchStore(Protocol):
    async def all(self) -> Switches: ...

    async def set(self, switch: Switch) -> Switches:
        """Turn on, or replace the one of the same scope; returns all that are on now."""
        ...

    async def clear(self, switch: Switch) -> Switches:
        """Turn off what has this scope, workspace and project. Idempotent."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yields at once, then within half a second after each change by anybody, and every two
        seconds anyhow; never ends and never raises, whatever happens to the database."""
        ...

    async def beat(self, replica: Replica) -> None:
        """This replica lives, and has applied that revision."""
        ...

    async def replicas(self, since: datetime) -> Sequence[Replica]:
        """Those that were seen since then, oldest first; others are forgotten."""
        ...

    async def leave(self, replica_id: str) -> None:
        """Idempotent."""
        ...


class Trail(Protocol):
    """The audit trail. Rows and heads are only ever added."""

    async def append(self, rows: Sequence[AuditRow], heads: Sequence[AuditHead] = ()) -> None:
        """In one transaction. A row that is there already, by chain and seq, is left as it is,
        and so is a head, by chain, seq and final: a batch may be repeated."""
        ...

    async def recent(
        self,
        *,
        workspace: str | None = None,
        project: str | None = None,
        before: tuple[datetime, str, int] | None = None,
        limit: int = 100,
    ) -> Sequence[AuditRow]:
        """Newest first; ``before`` is (at, chain, seq) of the last row that was seen."""
        ...

    async def chains(self) -> Sequence[str]:
        """Of rows and of heads, sorted."""
        ...

    async def rows(self, chain: str, after: int, limit: int) -> Sequence[AuditRow]:
        """Those with a greater seq, in order."""
        ...

    async def heads(self, chain: str) -> Sequence[AuditHead]:
        """In order of seq."""
        ...
