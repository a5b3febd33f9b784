"""The rows of dev containers: claimed once, saved by compare-and-set, touched without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from vibn.models import Box, BoxState
from vibn.store import refusals, rows, tables
from vibn.store.queries.dialect import each_dialect, lacks_parent

_b = tables.boxes.c
_CLAIM = each_dialect(
    tables.boxes,
    lambda insert: insert.on_conflict_do_nothing(index_elements=["project_id"]).returning(
        _b.project_id
    ),
)
_ALL = sa.select(*rows.BOX).order_by(_b.last_active_at, _b.created_at)
_IN_STATES = _ALL.where(_b.state.in_(sa.bindparam("states", expanding=True)))
_ONE = sa.select(*rows.BOX).where(_b.project_id == sa.bindparam("project_id"))


def _later(name: str) -> sa.ColumnElement[datetime]:
    at = sa.bindparam(name, type_=tables.Instant)
    return sa.case((_b.last_active_at > at, _b.last_active_at), else_=at)


_FIXED = {"project_id", "version", "last_active_at"}
_SAVE = (
    tables.boxes.update()
    .where(_b.project_id == sa.bindparam("key"), _b.version == sa.bindparam("read_version"))
    .values({name: sa.bindparam(name) for name in rows.BOX_NAMES if name not in _FIXED})
    .values(version=_b.version + 1, last_active_at=_later("active"))
    .returning(_b.version, _b.last_active_at)
)
_DELETE = (
    tables.boxes.delete()
    .where(_b.project_id == sa.bindparam("key"), _b.version == sa.bindparam("read_version"))
    .returning(_b.project_id)
)
_TOUCH = (
    tables.boxes.update()
    .where(_b.project_id == sa.bindparam("key"))
    .where(_b.last_active_at < sa.bindparam("active", type_=tables.Instant))
    .values(last_active_at=sa.bindparam("active", type_=tables.Instant))
)


def claim(connection: sa.Connection, box: Box) -> tuple[Box, bool]:
    insert = _CLAIM[connection.dialect.name]
    while True:
        try:
            mine = connection.execute(insert, rows.box_values(box)).one_or_none()
        except sa.exc.IntegrityError as error:
            if lacks_parent(error):
                raise refusals.no_project_id(box.project_id) from error
            raise refusals.box_taken(box.box_id) from error
        if mine is not None:
            return box, True
        there = one(connection, box.project_id)
        if there is not None:
            return there, False
        # Deleted between the two statements: the place is free again.


def one(connection: sa.Connection, project_id: str) -> Box | None:
    row = connection.execute(_ONE, {"project_id": project_id}).one_or_none()
    return None if row is None else rows.box(row)


def save(connection: sa.Connection, box: Box) -> Box | None:
    values = rows.box_values(box)
    new = {name: value for name, value in values.items() if name not in _FIXED}
    key = {"key": box.project_id, "read_version": box.version, "active": box.last_active_at}
    try:
        row = connection.execute(_SAVE, {**new, **key}).one_or_none()
    except sa.exc.IntegrityError as error:
        raise refusals.box_taken(box.box_id) from error
    return None if row is None else replace(box, version=row[0], last_active_at=row[1])


def delete(connection: sa.Connection, box: Box) -> bool:
    key = {"key": box.project_id, "read_version": box.version}
    return connection.execute(_DELETE, key).one_or_none() is not None


def every(connection: sa.Connection, states: Sequence[BoxState]) -> Sequence[Box]:
    if states:
        found = connection.execute(_IN_STATES, {"states": [state.value for state in states]})
    else:
        found = connection.execute(_ALL)
    return [rows.box(row) for row in found]


def touch(connection: sa.Connection, activity: Mapping[str, datetime]) -> None:
    """In order of the keys: two batches at once then cannot wait for each other in a circle."""
    if activity:
        connection.execute(_TOUCH, [{"key": k, "active": activity[k]} for k in sorted(activity)])
