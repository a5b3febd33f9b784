"""Tokens, switches and the audit trail in memory; ``authority.py`` holds the promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from vibn.authority import AuditHead, AuditRow, Replica, Scope, Switch, Switches, Token
from vibn.models import Project
from vibn.store import checked, refusals
from vibn.store.authority import Admitted
from vibn.store.located import Located

Answer = Callable[[], None]
"""Raises StoreUnavailable while the store is told to be away."""


class MemoryTokens:
    """``locate`` finds a project of a workspace by its slug, ``project`` one by its id."""

    def __init__(
        self,
        answer: Answer,
        workspaces: Callable[[str], bool],
        project: Callable[[str], Project | None],
        locate: Callable[[str, str], Located | None],
    ) -> None:
        self._answer = answer
        self._is_workspace = workspaces
        self._project = project
        self._locate = locate
        self._tokens: dict[str, Token] = {}

    async def add(self, token: Token) -> Token:
        self._answer()
        value = checked.token(token)
        if value.project_id is not None:
            project = self._project(value.project_id)
            if project is None or project.workspace != value.workspace:
                raise refusals.no_project_id(value.project_id)
            value = replace(value, project=project.slug)
        if not self._is_workspace(value.workspace):
            raise refusals.no_workspace(value.workspace)
        if any(value.id == t.id or value.digest == t.digest for t in self._tokens.values()):
            raise refusals.token_exists(value.id)
        self._tokens[value.id] = value
        return value

    async def admit(self, digest: str, project: str | None) -> Admitted | None:
        self._answer()
        token = next((t for t in self._tokens.values() if t.digest == digest), None)
        if token is None:
            return None
        slug = token.project if project is None else project
        located = None if slug is None else self._locate(token.workspace, slug)
        if located and token.project_id not in (None, located.project.id):
            located = None
        return Admitted(token, located)

    async def of_workspace(self, workspace: str) -> Sequence[Token]:
        self._answer()
        found = [t for t in self._tokens.values() if t.workspace == workspace]
        return sorted(found, key=lambda token: (token.created_at, token.id))

    async def revoke(self, workspace: str, token_id: str, at: datetime) -> Token:
        self._answer()
        checked.moments(at=at)
        token = self._tokens.get(token_id)
        if token is None or token.workspace != workspace:
            raise refusals.no_token(token_id)
        revoked = replace(token, revoked_at=token.revoked_at or at)
        self._tokens[token_id] = revoked
        return revoked

    def forget(self, workspace: str, project_id: str | None = None) -> None:
        """What a database's foreign keys do when a workspace or a project is deleted."""
        for token in list(self._tokens.values()):
            gone = project_id is None or token.project_id == project_id
            if token.workspace == workspace and gone:
                del self._tokens[token.id]


class MemorySwitches:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._on: dict[tuple[Scope, str, str], Switch] = {}
        self._revision = 0
        self._changed = asyncio.Event()
        self._replicas: dict[str, Replica] = {}

    async def all(self) -> Switches:
        self._answer()
        order = sorted(self._on.values(), key=lambda s: (s.at, s.scope, s.workspace, s.project))
        return Switches(self._revision, tuple(order))

    async def set(self, switch: Switch) -> Switches:
        self._answer()
        value = checked.switch(switch)
        self._on[_key(value)] = value
        return await self._next()

    async def clear(self, switch: Switch) -> Switches:
        self._answer()
        self._on.pop(_key(checked.switch(switch)), None)
        return await self._next()

    async def _next(self) -> Switches:
        self._revision += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return await self.all()

    async def changes(self) -> AsyncIterator[None]:
        while True:
            changed = self._changed
            yield
            try:
                async with asyncio.timeout(0.25):
                    await changed.wait()
            except TimeoutError:
                continue

    async def beat(self, replica: Replica) -> None:
        self._answer()
        first = self._replicas.get(replica.id, replica)
        self._replicas[replica.id] = replace(replica, started_at=first.started_at)

    async def replicas(self, since: datetime) -> Sequence[Replica]:
        self._answer()
        live = {r.id: r for r in self._replicas.values() if r.seen_at >= since}
        self._replicas = live
        return sorted(live.values(), key=lambda r: (r.started_at, r.id))

    async def leave(self, replica_id: str) -> None:
        self._answer()
        self._replicas.pop(replica_id, None)


class MemoryTrail:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._rows: dict[tuple[str, int], AuditRow] = {}
        self._heads: dict[tuple[str, int, bool], AuditHead] = {}

    async def append(self, rows: Sequence[AuditRow], heads: Sequence[AuditHead] = ()) -> None:
        self._answer()
        for row in rows:
            self._rows.setdefault((row.chain, row.seq), checked.audit_row(row))
        for head in heads:
            self._heads.setdefault((head.chain, head.seq, head.final), head)

    async def recent(
        self,
        *,
        workspace: str | None = None,
        project: str | None = None,
        before: tuple[datetime, str, int] | None = None,
        limit: int = 100,
    ) -> Sequence[AuditRow]:
        self._answer()
        found = [
            row
            for row in self._rows.values()
            if workspace in (None, row.workspace)
            and project in (None, row.project)
            and (before is None or _place(row) < before)
        ]
        return sorted(found, key=_place, reverse=True)[:limit]

    async def chains(self) -> Sequence[str]:
        self._answer()
        return sorted({chain for chain, _ in self._rows} | {chain for chain, *_ in self._heads})

    async def rows(self, chain: str, after: int, limit: int) -> Sequence[AuditRow]:
        self._answer()
        seqs = sorted(seq for name, seq in self._rows if name == chain and seq > after)
        return [self._rows[chain, seq] for seq in seqs[:limit]]

    async def heads(self, chain: str) -> Sequence[AuditHead]:
        self._answer()
        return [self._heads[key] for key in sorted(self._heads) if key[0] == chain]


def _key(switch: Switch) -> tuple[Scope, str, str]:
    return switch.scope, switch.workspace, switch.project


def _place(row: AuditRow) -> tuple[datetime, str, int]:
    return row.at, row.chain, row.seq
