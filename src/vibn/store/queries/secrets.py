"""Sealed secrets of projects."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from vibn.store import refusals, tables
from vibn.store.queries.dialect import each_dialect

_s = tables.secrets.c
_SET = each_dialect(
    tables.secrets,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["project_id", "name"], set_={"sealed": insert.excluded.sealed}
    ),
)
_RESEAL = (
    tables.secrets.update()
    .where(_s.project_id == sa.bindparam("key"), _s.name == sa.bindparam("secret"))
    .where(_s.sealed == sa.bindparam("old"))
    .values(sealed=sa.bindparam("new"))
    .returning(_s.name)
)
_OF_PROJECT = sa.select(_s.name, _s.sealed).where(_s.project_id == sa.bindparam("project_id"))
_DELETE = tables.secrets.delete().where(
    _s.project_id == sa.bindparam("key"), _s.name == sa.bindparam("secret")
)


def put(connection: sa.Connection, project_id: str, name: str, sealed: bytes) -> None:
    values = {"project_id": project_id, "name": name, "sealed": sealed}
    try:
        connection.execute(_SET[connection.dialect.name], values)
    except sa.exc.IntegrityError as error:
        raise refusals.no_project_id(project_id) from error


def reseal(connection: sa.Connection, project_id: str, name: str, old: bytes, new: bytes) -> bool:
    values = {"key": project_id, "secret": name, "old": old, "new": new}
    return connection.execute(_RESEAL, values).one_or_none() is not None


def of_project(connection: sa.Connection, project_id: str) -> Mapping[str, bytes]:
    found = connection.execute(_OF_PROJECT, {"project_id": project_id})
    return {name: bytes(sealed) for name, sealed in found}


def delete(connection: sa.Connection, project_id: str, name: str) -> None:
    connection.execute(_DELETE, {"key": project_id, "secret": name})
