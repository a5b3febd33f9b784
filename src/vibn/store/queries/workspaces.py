"""Workspaces, and the random id of this installation."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from vibn.models import Workspace
from vibn.store import refusals, rows, tables
from vibn.store.queries.dialect import each_dialect

_ALL = sa.select(*rows.WORKSPACE)
_BY_SLUG = _ALL.where(tables.workspaces.c.slug == sa.bindparam("slug"))
_DELETE = tables.workspaces.delete().where(tables.workspaces.c.slug == sa.bindparam("key"))
_FIRST_ID = each_dialect(tables.installation, lambda insert: insert.on_conflict_do_nothing())
_ID = sa.select(tables.installation.c.id)


def add(connection: sa.Connection, value: Workspace) -> Workspace:
    try:
        connection.execute(tables.workspaces.insert(), rows.workspace_values(value))
    except sa.exc.IntegrityError as error:
        raise refusals.workspace_exists(value.slug) from error
    return value


def one(connection: sa.Connection, slug: str) -> Workspace:
    row = connection.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    if row is None:
        raise refusals.no_workspace(slug)
    return rows.workspace(row)


def every(connection: sa.Connection) -> Sequence[Workspace]:
    found = [rows.workspace(row) for row in connection.execute(_ALL)]
    return sorted(found, key=lambda value: value.slug)


def delete(connection: sa.Connection, slug: str) -> None:
    """Its projects, if there are any, refuse this by their foreign key."""
    try:
        connection.execute(_DELETE, {"key": slug})
    except sa.exc.IntegrityError as error:
        raise refusals.has_projects(slug) from error


def installation(connection: sa.Connection, candidate: str) -> str:
    insert = _FIRST_ID[connection.dialect.name]
    connection.execute(insert, {"singleton": 1, "id": candidate})
    return str(connection.execute(_ID).scalar_one())
