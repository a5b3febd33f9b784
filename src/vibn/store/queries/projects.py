"""Projects, and ``locate``: the one SELECT of the warm path."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from vibn.models import Box, Project
from vibn.store import refusals, rows, tables
from vibn.store.located import Located
from vibn.store.queries.dialect import lacks_parent

_p = tables.projects.c
_OF_WORKSPACE = sa.select(*rows.PROJECT).where(_p.workspace == sa.bindparam("workspace"))
_s = tables.secrets.c
LOCATED = [_s.name, _s.sealed, *rows.PROJECT, *rows.BOX]
"""The columns that ``located`` reads."""
_LOCATE = (
    sa.select(*LOCATED)
    .select_from(
        tables.workspaces.join(tables.projects, _p.workspace == tables.workspaces.c.slug)
        .outerjoin(tables.boxes, tables.boxes.c.project_id == _p.id)
        .outerjoin(tables.secrets, _s.project_id == _p.id)
    )
    .where(tables.workspaces.c.slug == sa.bindparam("workspace"))
    .where(_p.slug == sa.bindparam("slug"))
)
_OVERVIEW = (
    sa.select(*rows.PROJECT, *rows.BOX)
    .select_from(tables.projects.outerjoin(tables.boxes, tables.boxes.c.project_id == _p.id))
    .where(_p.workspace == sa.bindparam("workspace"))
)
_SAVE = (
    tables.projects.update()
    .where(_p.id == sa.bindparam("key"), _p.workspace == sa.bindparam("owner"))
    .values({name: sa.bindparam(name) for name in ("name", "env", "limits", "seed")})
    .returning(*rows.PROJECT)
)
_DELETE = tables.projects.delete().where(
    _p.workspace == sa.bindparam("workspace"), _p.slug == sa.bindparam("slug")
)
_WIDTH = 2 + len(rows.PROJECT)


def add(connection: sa.Connection, value: Project) -> Project:
    try:
        connection.execute(tables.projects.insert(), rows.project_values(value))
    except sa.exc.IntegrityError as error:
        if lacks_parent(error):
            raise refusals.no_workspace(value.workspace) from error
        raise refusals.project_exists(value.workspace, value.slug) from error
    return value


def save(connection: sa.Connection, value: Project) -> Project:
    values = rows.project_values(value)
    new = {name: values[name] for name in ("name", "env", "limits", "seed")}
    key = {"key": value.id, "owner": value.workspace}
    row = connection.execute(_SAVE, {**new, **key}).one_or_none()
    if row is None:
        raise refusals.no_project(value.workspace, value.slug)
    return rows.project(row)


def of_workspace(connection: sa.Connection, workspace: str) -> Sequence[Project]:
    found = connection.execute(_OF_WORKSPACE, {"workspace": workspace})
    return sorted((rows.project(row) for row in found), key=lambda value: value.slug)


def delete(connection: sa.Connection, workspace: str, slug: str) -> None:
    """The row of its box, if there is one, refuses this by its foreign key."""
    try:
        connection.execute(_DELETE, {"workspace": workspace, "slug": slug})
    except sa.exc.IntegrityError as error:
        raise refusals.has_box(slug) from error


def overview(connection: sa.Connection, workspace: str) -> Sequence[tuple[Project, Box | None]]:
    width = len(rows.PROJECT)
    found = [
        (rows.project(row[:width]), None if row[width] is None else rows.box(row[width:]))
        for row in connection.execute(_OVERVIEW, {"workspace": workspace})
    ]
    return sorted(found, key=lambda pair: pair[0].slug)


def locate(connection: sa.Connection, workspace: str, slug: str) -> Located:
    found = connection.execute(_LOCATE, {"workspace": workspace, "slug": slug}).all()
    value = located(found)
    if value is None:
        raise refusals.no_project(workspace, slug)
    return value


def located(found: Sequence[rows.Row]) -> Located | None:
    """From a row for each secret, or one where there is none; the rest of them is the same."""
    if not found or found[0][2] is None:
        return None
    row = found[0]
    box = None if row[_WIDTH] is None else rows.box(row[_WIDTH:])
    sealed = {name: bytes(value) for name, value, *_ in found if name is not None}
    return Located(rows.project(row[2:_WIDTH]), box, sealed)
