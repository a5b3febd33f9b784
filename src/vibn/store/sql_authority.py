"""Tokens, switches and the audit trail on a database; ``authority.py`` holds the promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from vibn.authority import AuditHead, AuditRow, Replica, Switch, Switches, Token
from vibn.store import checked, refusals
from vibn.store.authority import Admitted
from vibn.store.connector import Connector
from vibn.store.queries import switches, tokens, trail


class SqlTokens:
    def __init__(self, connector: Connector) -> None:
        self._db = connector

    async def add(self, token: Token) -> Token:
        value = checked.token(token)
        return await self._db.write(lambda c: tokens.add(c, value))

    async def admit(self, digest: str, project: str | None) -> Admitted | None:
        if project is not None and not checked.storable(project):
            project = ""  # names nothing, as no project can
        wanted = project
        return await self._db.read(lambda c: tokens.admit(c, digest, wanted))

    async def of_workspace(self, workspace: str) -> Sequence[Token]:
        if not checked.storable(workspace):
            return []
        return await self._db.scan(lambda c: tokens.of_workspace(c, workspace))

    async def revoke(self, workspace: str, token_id: str, at: datetime) -> Token:
        checked.moments(at=at)
        if not (checked.storable(workspace) and checked.storable(token_id)):
            raise refusals.no_token(token_id)
        return await self._db.write(lambda c: tokens.revoke(c, workspace, token_id, at))


class SqlSwitches:
    def __init__(self, connector: Connector) -> None:
        self._db = connector

    async def all(self) -> Switches:
        return await self._db.read(switches.every)

    async def set(self, switch: Switch) -> Switches:
        value = checked.switch(switch)
        return await self._db.write(lambda c: switches.put(c, value))

    async def clear(self, switch: Switch) -> Switches:
        value = checked.switch(switch)
        return await self._db.write(lambda c: switches.clear(c, value))

    def changes(self) -> AsyncIterator[None]:
        return self._db.heard(switches.CHANNEL)

    async def beat(self, replica: Replica) -> None:
        await self._db.write(lambda c: switches.beat(c, replica))

    async def replicas(self, since: datetime) -> Sequence[Replica]:
        return await self._db.write(lambda c: switches.replicas(c, since))

    async def leave(self, replica_id: str) -> None:
        await self._db.write(lambda c: switches.leave(c, replica_id))


class SqlTrail:
    def __init__(self, connector: Connector) -> None:
        self._db = connector

    async def append(self, rows: Sequence[AuditRow], heads: Sequence[AuditHead] = ()) -> None:
        for row in rows:
            checked.audit_row(row)
        await self._db.write(lambda c: trail.append(c, rows, heads))

    async def recent(
        self,
        *,
        workspace: str | None = None,
        project: str | None = None,
        before: tuple[datetime, str, int] | None = None,
        limit: int = 100,
    ) -> Sequence[AuditRow]:
        if not all(checked.storable(text) for text in (workspace, project) if text is not None):
            return []
        return await self._db.scan(lambda c: trail.recent(c, workspace, project, before, limit))

    async def chains(self) -> Sequence[str]:
        return await self._db.scan(trail.chains)

    async def rows(self, chain: str, after: int, limit: int) -> Sequence[AuditRow]:
        return await self._db.scan(lambda c: trail.of_chain(c, chain, after, limit))

    async def heads(self, chain: str) -> Sequence[AuditHead]:
        return await self._db.scan(lambda c: trail.heads(c, chain))
