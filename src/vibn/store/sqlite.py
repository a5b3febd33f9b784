"""SQLite in WAL mode: point reads on the event loop's thread, the rest on two threads.

A reader in WAL mode never waits for a writer, so a read by key costs microseconds where it is
called and no thread switch. Writes queue in one thread, each in BEGIN IMMEDIATE: they wait for
other processes there, never in the event loop. Each commit reaches the disk before it returns
(``synchronous=FULL``): a row that was promised survives a power cut.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from vibn.store import refusals
from vibn.store.connector import DEADLINE, Work
from vibn.store.failures import translated
from vibn.store.migrate import OURS, Migrations

T = TypeVar("T")

_FOREVER = 60.0
"""Seconds to wait for other processes' migrations."""
_LOOK = 0.25
"""Seconds between two looks at what another process may have changed."""


class SqliteConnector:
    def __init__(
        self, path: Path, deadline: float = DEADLINE, migrations: Migrations = OURS
    ) -> None:
        """``deadline`` bounds a call's wait in the queue and for other processes' writes."""
        self.path = path
        self._deadline = deadline
        self._migrations = migrations
        self._where = f"The SQLite database {path}"
        self._reader: sa.Connection | None = None
        self._writer: _Lane | None = None
        self._scanner: _Lane | None = None

    async def open(self) -> None:
        with translated(self._where, self._hint()):
            self._reader = await asyncio.to_thread(self._prepare)
        self._writer = _Lane("vibn-sqlite-write", _engine(self.path, wait=self._deadline / 2))
        scans = _engine(self.path, wait=self._deadline / 2, reading=True)
        self._scanner = _Lane("vibn-sqlite-scan", scans)

    async def close(self) -> None:
        """Writes that were under way end first."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
            reader.engine.dispose()
        for lane in (self._scanner, self._writer):
            if lane is not None:
                await lane.close()
        self._scanner = self._writer = None

    async def read(self, work: Work[T]) -> T:
        if self._reader is None:
            raise refusals.not_open()
        try:
            return work(self._reader)
        except sa.exc.DBAPIError as error:
            if not _busy(error.orig):
                with translated(self._where, self._hint()):
                    raise
        # Another process recovers or resets the log: a moment in which even readers wait.
        return await self.scan(work)

    async def scan(self, work: Work[T]) -> T:
        return await self._run(self._scanner, work)

    async def write(self, work: Work[T]) -> T:
        return await self._run(self._writer, work)

    async def heard(self, channel: str) -> AsyncIterator[None]:
        """SQLite tells nobody of a change: whoever asks looks often. A look costs microseconds."""
        del channel
        while True:
            yield
            await asyncio.sleep(_LOOK)

    async def _run(self, lane: _Lane | None, work: Work[T]) -> T:
        if lane is None:
            raise refusals.not_open()
        with translated(self._where, self._hint()):
            async with asyncio.timeout(self._deadline):
                return await lane.run(work)

    def _hint(self) -> str:
        return f"Check that {self.path.parent} is writable, has space, and is on a local disk."

    def _prepare(self) -> sa.Connection:
        """Migrates, and returns the reader. Until it is there another connection stays open, so
        that no process finds itself the last and clears the log away."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its side files the mode of the first one.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        engine = _engine(self.path, wait=_FOREVER)
        try:
            _patiently(lambda: _use_wal(self.path))
            with engine.begin() as connection:
                self._migrations.upgrade(connection)
            reader = _engine(self.path, wait=_FOREVER, reading=True).connect()
            reader.exec_driver_sql("SELECT count(*) FROM sqlite_master").close()
            # From now on it is the event loop's, which waits for nobody.
            reader.exec_driver_sql("PRAGMA busy_timeout = 0").close()
            return reader
        finally:
            engine.dispose()


class _Lane:
    """One thread with one connection; what is given to it runs in order."""

    def __init__(self, name: str, engine: sa.Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Work[T]) -> T:
        """Each in a transaction. Work whose caller gave up before its turn is not begun."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Work[T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)


def _engine(path: Path, wait: float, reading: bool = False) -> sa.Engine:
    """``wait``: seconds to wait for another writer. A reading engine begins no transaction."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": wait, "isolation_level": None, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _connected(driver: sqlite3.Connection, _record: Any) -> None:
        driver.execute("PRAGMA foreign_keys = ON")
        driver.execute("PRAGMA synchronous = FULL")
        if reading:
            driver.execute("PRAGMA query_only = ON")

    if not reading:

        @sa.event.listens_for(engine, "begin")
        def _begun(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _use_wal(path: Path) -> None:
    driver = sqlite3.connect(path, isolation_level=None)
    try:
        driver.execute("PRAGMA journal_mode = WAL")
    finally:
        driver.close()


def _patiently(step: Callable[[], None]) -> None:
    """The change to WAL does not wait for other processes by itself."""
    end = time.monotonic() + _FOREVER
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _busy(error: BaseException | None) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_BUSY
