"""Tokens, and ``admit``: the one SELECT of a call's warm path."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from vibn.authority import Token
from vibn.store import refusals, rows, tables
from vibn.store.authority import Admitted
from vibn.store.queries import projects
from vibn.store.queries.dialect import lacks_parent

_t = tables.tokens.c
_own = tables.projects.alias("own")
_WIDTH = len(rows.TOKEN)


def _admission(which: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
    """The token, the slug of the project it is held to, and the project that is asked for."""
    p = tables.projects.c
    reached = sa.and_(
        p.workspace == _t.workspace,
        which,
        sa.or_(_t.project_id.is_(None), _t.project_id == p.id),
    )
    return (
        sa.select(*rows.TOKEN, _own.c.slug, *projects.LOCATED)
        .select_from(
            tables.tokens.outerjoin(_own, _own.c.id == _t.project_id)
            .outerjoin(tables.projects, reached)
            .outerjoin(tables.boxes, tables.boxes.c.project_id == p.id)
            .outerjoin(tables.secrets, tables.secrets.c.project_id == p.id)
        )
        .where(_t.digest == sa.bindparam("digest"))
    )


_ADMIT = _admission(tables.projects.c.slug == sa.bindparam("slug"))
_ADMIT_OWN = _admission(tables.projects.c.id == _t.project_id)
_LISTED = sa.select(*rows.TOKEN, _own.c.slug).select_from(
    tables.tokens.outerjoin(_own, _own.c.id == _t.project_id)
)
_OF_WORKSPACE = _LISTED.where(_t.workspace == sa.bindparam("workspace")).order_by(
    _t.created_at, _t.id
)
_ONE = _LISTED.where(_t.workspace == sa.bindparam("workspace"), _t.id == sa.bindparam("id"))
_PARENT = sa.select(tables.projects.c.slug).where(
    tables.projects.c.id == sa.bindparam("id"),
    tables.projects.c.workspace == sa.bindparam("workspace"),
)
_REVOKE = (
    tables.tokens.update()
    .where(_t.workspace == sa.bindparam("owner"), _t.id == sa.bindparam("key"))
    .where(_t.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("moment", type_=tables.Instant))
)


def add(connection: sa.Connection, value: Token) -> Token:
    if value.project_id is not None:
        key = {"id": value.project_id, "workspace": value.workspace}
        if connection.execute(_PARENT, key).one_or_none() is None:
            raise refusals.no_project_id(value.project_id)
    try:
        connection.execute(tables.tokens.insert(), rows.token_values(value))
    except sa.exc.IntegrityError as error:
        if lacks_parent(error):
            raise refusals.no_workspace(value.workspace) from error
        raise refusals.token_exists(value.id) from error
    return _token(connection.execute(_ONE, {"workspace": value.workspace, "id": value.id}).one())


def admit(connection: sa.Connection, digest: str, project: str | None) -> Admitted | None:
    """A row for each secret of the project, and one where there is none."""
    if project is None:
        found = connection.execute(_ADMIT_OWN, {"digest": digest}).all()
    else:
        found = connection.execute(_ADMIT, {"digest": digest, "slug": project}).all()
    if not found:
        return None
    return Admitted(_token(found[0]), projects.located([row[_WIDTH + 1 :] for row in found]))


def of_workspace(connection: sa.Connection, workspace: str) -> Sequence[Token]:
    return [_token(row) for row in connection.execute(_OF_WORKSPACE, {"workspace": workspace})]


def revoke(connection: sa.Connection, workspace: str, token_id: str, at: datetime) -> Token:
    connection.execute(_REVOKE, {"owner": workspace, "key": token_id, "moment": at})
    row = connection.execute(_ONE, {"workspace": workspace, "id": token_id}).one_or_none()
    if row is None:
        raise refusals.no_token(token_id)
    return _token(row)


def _token(row: rows.Row) -> Token:
    return rows.token(row[:_WIDTH], row[_WIDTH])
