"""Switches with their revision, and the replicas that apply them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from vibn.authority import Replica, Switch, Switches
from vibn.store import rows, tables
from vibn.store.queries.dialect import each_dialect

CHANNEL = "vibn_switches"
"""What PostgreSQL notifies after a change."""

_s = tables.switches.c
_r = tables.replicas.c
_rev = tables.switch_revision.c
_KEY = ("scope", "workspace", "project")
_ALL = sa.select(*rows.SWITCH).order_by(_s.at, _s.scope, _s.workspace, _s.project)
_REVISION = sa.select(_rev.revision)
_SET = each_dialect(
    tables.switches,
    lambda insert: insert.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: insert.excluded[name] for name in rows.SWITCH_NAMES if name not in _KEY},
    ),
)
_CLEAR = tables.switches.delete().where(*(_s[name] == sa.bindparam(f"key_{name}") for name in _KEY))
_NEXT = each_dialect(
    tables.switch_revision,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["singleton"], set_={"revision": _rev.revision + 1}
    ),
)
_BEAT = each_dialect(
    tables.replicas,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["id"],
        set_={name: insert.excluded[name] for name in ("seen_at", "applied")},
    ),
)
_GONE = tables.replicas.delete().where(_r.seen_at < sa.bindparam("since", type_=tables.Instant))
_LIVE = sa.select(*rows.REPLICA).order_by(_r.started_at, _r.id)
_LEAVE = tables.replicas.delete().where(_r.id == sa.bindparam("key"))


def every(connection: sa.Connection) -> Switches:
    """The revision is read first: what it belongs to may be newer, never older."""
    revision = connection.execute(_REVISION).scalar_one_or_none() or 0
    return Switches(revision, tuple(rows.switch(row) for row in connection.execute(_ALL)))


def put(connection: sa.Connection, switch: Switch) -> Switches:
    _advance(connection)
    connection.execute(_SET[connection.dialect.name], rows.switch_values(switch))
    return every(connection)


def clear(connection: sa.Connection, switch: Switch) -> Switches:
    _advance(connection)
    values = rows.switch_values(switch)
    connection.execute(_CLEAR, {f"key_{name}": values[name] for name in _KEY})
    return every(connection)


def _advance(connection: sa.Connection) -> None:
    """First of all in the transaction: changes then follow each other, and so do revisions."""
    connection.execute(_NEXT[connection.dialect.name], {"singleton": 1, "revision": 1})
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))


def beat(connection: sa.Connection, replica: Replica) -> None:
    values = {name: getattr(replica, name) for name in rows.REPLICA_NAMES}
    connection.execute(_BEAT[connection.dialect.name], values)


def replicas(connection: sa.Connection, since: datetime) -> Sequence[Replica]:
    connection.execute(_GONE, {"since": since})
    return [rows.replica(row) for row in connection.execute(_LIVE)]


def leave(connection: sa.Connection, replica_id: str) -> None:
    connection.execute(_LEAVE, {"key": replica_id})
