"""Bring a database's tables to this version.

The caller holds a transaction and, in it, a lock against other processes: SQLite's BEGIN IMMEDIATE
or PostgreSQL's advisory lock. Both databases roll back DDL, so a migration that fails leaves
nothing behind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from vibn.errors import Unsupported
from vibn.store.tables import HEAD, VERSION_TABLE

LOCK_KEY = 0x7669626E
"""The advisory lock of migrations on PostgreSQL ("vibn")."""

_one_at_a_time = threading.Lock()
"""Alembic keeps the migration at hand in module globals."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """``head`` is compared with the database's revision at each start, so that Alembic is loaded
    only when there is something to do."""

    scripts: Path = Path(__file__).parent / "migrations"
    head: str = HEAD

    def due(self, connection: sa.Connection) -> bool:
        return current(connection) != self.head

    def upgrade(self, connection: sa.Connection) -> None:
        """Raises Unsupported when the tables are those of a version that this one does not
        know."""
        found = current(connection)
        if found == self.head:
            return
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(self.scripts).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise Unsupported(
                f"The database belongs to a newer Vibn (its tables are at revision {found!r}).",
                hint="Install that version again, or restore the database's backup.",
            )
        config.attributes["connection"] = connection
        with _one_at_a_time:
            command.upgrade(config, self.head)


OURS = Migrations()


def current(connection: sa.Connection) -> str | None:
    """The database's revision, or None when it has none of our tables."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
