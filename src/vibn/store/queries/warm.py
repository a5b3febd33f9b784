"""The warm pool: boxes made ahead that belong to no project yet."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from vibn.models import Box
from vibn.store import refusals, rows, tables

_w = tables.warm.c
_ALL = sa.select(*rows.WARM).order_by(_w.created_at)
_OLDEST = (
    sa.select(_w.box_id)
    .where(_w.image == sa.bindparam("image"), _w.runtime == sa.bindparam("runtime"))
    .order_by(_w.created_at)
    .limit(1)
    # PostgreSQL: callers at once pass over each other's choice. SQLite has one writer anyway.
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIM = tables.warm.delete().where(_w.box_id == _OLDEST).returning(*rows.WARM)
_REMOVE = tables.warm.delete().where(_w.box_id == sa.bindparam("key"))


def add(connection: sa.Connection, box: Box) -> None:
    try:
        connection.execute(tables.warm.insert(), rows.box_values(box))
    except sa.exc.IntegrityError as error:
        raise refusals.warm_exists(box.box_id) from error


def claim(connection: sa.Connection, image: str, runtime: str) -> Box | None:
    row = connection.execute(_CLAIM, {"image": image, "runtime": runtime}).one_or_none()
    return None if row is None else rows.box(row)


def every(connection: sa.Connection) -> Sequence[Box]:
    return [rows.box(row) for row in connection.execute(_ALL)]


def remove(connection: sa.Connection, box_id: str) -> None:
    connection.execute(_REMOVE, {"key": box_id})
