"""The stores that the contract holds for, each empty and open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from tests.postgres import PostgresServer

from vibn.config import Settings
from vibn.store.base import Store
from vibn.store.memory import MemoryStore
from vibn.store.sql import SqlStore, open_store
from vibn.store.tables import metadata

KINDS = [
    pytest.param("memory"),
    pytest.param("sqlite"),
    pytest.param("postgresql", marks=pytest.mark.postgres),
]
Opener = Callable[[], Awaitable[Store]]


def _on(url: str, state_dir: Path) -> SqlStore:
    return open_store(Settings(database_url=SecretStr(url), state_dir=state_dir))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=KINDS[1:])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, or empty for SQLite."""
    return str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else ""


@pytest.fixture(scope="session")
def shared_database(postgres_server: PostgresServer) -> str:
    """One for all tests of the contract: emptying it is quicker than making it."""
    return postgres_server.new_database()


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    names = ", ".join(table.name for table in metadata.sorted_tables)
    await connection.execute(f"TRUNCATE {names}")
    await connection.close()


@pytest.fixture
async def store(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    url = str(request.getfixturevalue("shared_database")) if kind == "postgresql" else ""
    store: Store = MemoryStore() if kind == "memory" else _on(url, tmp_path)
    await store.open()
    if url:
        await _empty(url)
    yield store
    await store.close()


@pytest.fixture
async def another(database: str, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens one more store on the same database, as another control plane does."""
    opened: list[Store] = []

    async def open_another() -> Store:
        store = _on(database, tmp_path)
        await store.open()
        opened.append(store)
        return store

    yield open_another
    for store in opened:
        await store.close()
