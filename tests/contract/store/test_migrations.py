"""Migrations: whole or not at all, once, and the same tables that the queries know."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from vibn.errors import Unsupported
from vibn.store.connector import Connector
from vibn.store.migrate import OURS, Migrations, current
from vibn.store.postgres import PostgresConnector
from vibn.store.sqlite import SqliteConnector
from vibn.store.tables import HEAD, VERSION_TABLE, metadata

Connect = Callable[[Migrations], Connector]
BROKEN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.create_table("fs_half_done", sa.Column("id", sa.Text))
    op.execute("INSERT INTO fs_half_done VALUES ('x')")
    raise RuntimeError("bad migration")
"""


@pytest.fixture
def connect(database: str, tmp_path: Path) -> Connect:
    def made(migrations: Migrations = OURS) -> Connector:
        if database:
            return PostgresConnector(database, migrations=migrations)
        return SqliteConnector(tmp_path / "vibn.db", migrations=migrations)

    return made


def _broken(tmp_path: Path) -> Migrations:
    scripts = tmp_path / "scripts"
    shutil.copytree(OURS.scripts, scripts)
    (scripts / "versions" / "0003_broken.py").write_text(BROKEN)
    return Migrations(scripts, "0003")


def _tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


def test_the_scripts_end_at_the_known_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(OURS.scripts))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_the_migrations_make_the_tables_that_the_queries_know(connect: Connect) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, metadata))

    connector = connect(OURS)
    await connector.open()
    assert await connector.scan(differences) == []
    await connector.close()


async def test_the_table_of_boxes_has_the_first_sketchs_columns(connect: Connect) -> None:
    def shape(connection: sa.Connection) -> tuple[list[str], set[str], list[str]]:
        look = sa.inspect(connection)
        name = "fs_project_dev_containers"
        indexes = {str(index["name"]) for index in look.get_indexes(name)}
        key = look.get_pk_constraint(name)["constrained_columns"]
        return [column["name"] for column in look.get_columns(name)], indexes, key

    connector = connect(OURS)
    await connector.open()
    columns, indexes, key = await connector.scan(shape)
    await connector.close()
    assert columns[:5] == ["project_id", "workspace", "service_uuid", "image", "state"]
    assert columns[5:8] == ["last_active_at", "suspended_at", "created_at"]
    assert {"fs_project_dev_containers_ws_idx", "fs_project_dev_containers_active_idx"} <= indexes
    assert key == ["project_id"]


async def test_the_databases_own_defaults_are_read_as_ours(connect: Connect) -> None:
    insert = "INSERT INTO fs_workspaces (id, slug, name) VALUES ('1', 'acme', 'Acme')"
    newer = sa.select(metadata.tables["fs_workspaces"].c.created_at)
    connector = connect(OURS)
    await connector.open()
    await connector.write(lambda c: c.exec_driver_sql(insert).close())
    at = await connector.read(lambda c: c.execute(newer).scalar_one())
    await connector.close()
    assert at.utcoffset() is not None
    assert at.year >= 2024


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_failed_migration_leaves_the_database_as_it_was(
    connect: Connect, tmp_path: Path, fresh: bool
) -> None:
    look = connect(OURS)
    if not fresh:
        await look.open()
        await look.close()
    with pytest.raises(RuntimeError, match="bad migration"):
        await connect(_broken(tmp_path)).open()
    await look.open()
    assert await look.scan(current) == HEAD
    assert "fs_half_done" not in await look.scan(_tables)
    await look.close()


async def test_a_newer_database_is_refused_and_left_alone(connect: Connect) -> None:
    newer = f"UPDATE {VERSION_TABLE} SET version_num = '9999'"
    connector = connect(OURS)
    await connector.open()
    await connector.write(lambda c: c.exec_driver_sql(newer).close())
    await connector.close()
    with pytest.raises(Unsupported, match="newer Vibn"):
        await connect(OURS).open()
