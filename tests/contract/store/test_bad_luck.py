"""The database away, busy, full or broken: told within a deadline, and over when it is over."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from tests.contract.store.values import NOW, box, furnish, later
from tests.postgres import PostgresServer

from vibn.errors import InvalidInput, StoreUnavailable
from vibn.store.postgres import PostgresConnector
from vibn.store.sql import SqlStore
from vibn.store.sqlite import SqliteConnector


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = SqlStore(SqliteConnector(tmp_path / "vibn.db", deadline=0.5))
    await store.open()
    await furnish(store)
    yield store
    await store.close()


@pytest.fixture
async def postgres(own_postgres: PostgresServer) -> AsyncIterator[SqlStore]:
    store = SqlStore(PostgresConnector(own_postgres.new_database(), deadline=5))
    await store.open()
    await furnish(store)
    yield store
    await store.close()


@pytest.mark.postgres
async def test_a_stopped_server_is_told_and_used_again_when_it_is_back(
    postgres: SqlStore, own_postgres: PostgresServer
) -> None:
    await postgres.claim(box())
    own_postgres.stop()
    async with asyncio.timeout(30):
        for call in (postgres.locate("acme", "shop"), postgres.touch({"acme-shop": later(1)})):
            with pytest.raises(StoreUnavailable):
                await call
    own_postgres.start()
    await postgres.touch({"acme-shop": later(2)})
    row = (await postgres.locate("acme", "shop")).box
    assert row is not None
    assert row.last_active_at == later(2)


@pytest.mark.postgres
@pytest.mark.parametrize("first", ["read", "write"])
async def test_a_restart_between_two_calls_goes_unnoticed(
    postgres: SqlStore, own_postgres: PostgresServer, first: str
) -> None:
    await asyncio.gather(*(postgres.locate("acme", "shop") for _ in range(5)))
    own_postgres.stop()
    own_postgres.start()
    if first == "write":
        assert (await postgres.claim(box()))[1]
    found = await asyncio.gather(*(postgres.locate("acme", "shop") for _ in range(5)))
    assert {bool(located.box) for located in found} == {first == "write"}


@pytest.mark.postgres
async def test_a_server_that_hangs_is_told_within_the_deadline(postgres_url: str) -> None:
    store = SqlStore(PostgresConnector(postgres_url, deadline=0.5))
    await store.open()
    await furnish(store)
    other = await asyncpg.connect(postgres_url)
    async with asyncio.timeout(20), other.transaction():
        await other.execute("LOCK TABLE fs_project_dev_containers")
        for call in (store.locate("acme", "shop"), store.claim(box())):
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await call
    await other.close()
    assert (await store.locate("acme", "shop")).box is None
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgres://vibn:hunter2@127.0.0.1:1/db",
        "postgresql://vibn:hun/ter2@127.0.0.1:1/db",
        "postgresql://vibn:hunter2@127.0.0.1:port/db",
        "postgresql+asyncpg://vibn:hunter2@[::1:1/db?sslmode=odd",
        "postgresql://vibn:hunter2@127.0.0.1:1/db?hunter2=hunter2&sslmode=hunter2",
        "mysql://vibn:hunter2@127.0.0.1/db",
        "hunter2",
    ],
)
async def test_the_password_is_in_no_error_and_no_log(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises((StoreUnavailable, InvalidInput)) as caught:
        await SqlStore(PostgresConnector(url)).open()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "ter2" not in told


async def test_a_locked_file_stops_writes_but_no_read_and_not_the_loop(
    sqlite: SqlStore, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "vibn.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(sqlite.claim(box()))
    await asyncio.sleep(0)
    reads = 0
    while not write.done():
        reads += (await sqlite.locate("acme", "shop")).box is None
        await asyncio.sleep(0.001)
    with pytest.raises(StoreUnavailable, match="locked"):
        await write
    other.execute("ROLLBACK")
    other.close()
    assert reads > 10
    assert (await sqlite.claim(box()))[1]


async def test_a_read_that_finds_the_file_busy_waits_beside_the_loop(tmp_path: Path) -> None:
    def lock(connection: sa.Connection) -> str:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("ROLLBACK")
        return threading.current_thread().name

    connector = SqliteConnector(tmp_path / "vibn.db")
    await connector.open()
    other = sqlite3.connect(tmp_path / "vibn.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    read = asyncio.create_task(connector.read(lock))
    await asyncio.sleep(0.05)
    assert not read.done()
    other.close()
    assert "vibn-sqlite-scan" in await read
    await connector.close()


async def test_writes_that_wait_behind_a_slow_one_keep_their_deadline(
    sqlite: SqlStore, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "vibn.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    touches = [sqlite.touch({"acme-shop": NOW}) for _ in range(20)]
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*touches, return_exceptions=True)
    other.close()
    assert {type(answer) for answer in answers} == {StoreUnavailable}


FULL = """
import asyncio, resource, sys
from pathlib import Path
from tests.contract.store.values import furnish, project
from vibn.errors import StoreUnavailable
from vibn.store.sql import SqlStore
from vibn.store.sqlite import SqliteConnector

async def main(path):
    store = SqlStore(SqliteConnector(Path(path)))
    await store.open()
    await furnish(store)
    size = Path(path + "-wal").stat().st_size
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
    kept = ["shop"]
    try:
        for n in range(100):
            await store.add_project(project(f"p{n}"))
            kept.append(f"p{n}")
    except StoreUnavailable:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.add_project(project("after"))
    assert [p.slug for p in await store.projects("acme")] == sorted([*kept, "after"])
    await store.close()
    print("refused after", len(kept))

asyncio.run(main(sys.argv[1]))
"""


def test_a_full_disk_refuses_the_write_and_keeps_what_was_there(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", FULL, str(tmp_path / "vibn.db")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 1 <= int(done.stdout.split()[-1]) < 100


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "vibn.db").write_bytes(b"not a database, by no means" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await SqlStore(SqliteConnector(tmp_path / "vibn.db")).open()


async def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="writable"):
        await SqlStore(SqliteConnector(tmp_path / "file" / "vibn.db")).open()


@pytest.mark.usefixtures("sqlite")
def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("vibn.db*")}
    assert set(modes) == {"vibn.db", "vibn.db-wal", "vibn.db-shm"}
    assert set(modes.values()) == {0o600}


async def test_a_closed_store_says_so(sqlite: SqlStore) -> None:
    await sqlite.close()
    for call in (sqlite.locate("acme", "shop"), sqlite.claim(box()), sqlite.boxes()):
        with pytest.raises(StoreUnavailable, match="not open"):
            await call
