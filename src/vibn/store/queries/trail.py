"""The audit trail: rows and signed heads, only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from vibn.authority import AuditHead, AuditRow
from vibn.store import rows, tables
from vibn.store.queries.dialect import each_dialect

_a = tables.audit.c
_h = tables.audit_heads.c
_APPEND = each_dialect(tables.audit, lambda insert: insert.on_conflict_do_nothing())
_SIGN = each_dialect(tables.audit_heads, lambda insert: insert.on_conflict_do_nothing())
_RECENT = sa.select(*rows.AUDIT).order_by(_a.at.desc(), _a.chain.desc(), _a.seq.desc())
_ROWS = (
    sa.select(*rows.AUDIT)
    .where(_a.chain == sa.bindparam("chain"), _a.seq > sa.bindparam("after"))
    .order_by(_a.seq)
)
_HEADS = sa.select(*rows.HEAD).where(_h.chain == sa.bindparam("chain")).order_by(_h.seq, _h.final)
_CHAINS = sa.union(sa.select(_a.chain), sa.select(_h.chain))


def append(connection: sa.Connection, new: Sequence[AuditRow], heads: Sequence[AuditHead]) -> None:
    name = connection.dialect.name
    if new:
        connection.execute(_APPEND[name], [rows.audit_values(row) for row in new])
    if heads:
        connection.execute(_SIGN[name], [rows.head_values(head) for head in heads])


def recent(
    connection: sa.Connection,
    workspace: str | None,
    project: str | None,
    before: tuple[datetime, str, int] | None,
    limit: int,
) -> Sequence[AuditRow]:
    query = _RECENT.limit(limit)
    if workspace is not None:
        query = query.where(_a.workspace == workspace)
    if project is not None:
        query = query.where(_a.project == project)
    if before is not None:
        at, chain, seq = before
        query = query.where(
            sa.or_(
                _a.at < at,
                sa.and_(_a.at == at, _a.chain < chain),
                sa.and_(_a.at == at, _a.chain == chain, _a.seq < seq),
            )
        )
    return [rows.audit_row(row) for row in connection.execute(query)]


def chains(connection: sa.Connection) -> Sequence[str]:
    return sorted(connection.execute(_CHAINS).scalars())


def of_chain(connection: sa.Connection, chain: str, after: int, limit: int) -> Sequence[AuditRow]:
    found = connection.execute(_ROWS.limit(limit), {"chain": chain, "after": after})
    return [rows.audit_row(row) for row in found]


def heads(connection: sa.Connection, chain: str) -> Sequence[AuditHead]:
    return [rows.audit_head(row) for row in connection.execute(_HEADS, {"chain": chain})]
