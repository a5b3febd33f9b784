"""PostgreSQL through SQLAlchemy's asyncio engine and asyncpg.

asyncpg reads the URL itself, so all of libpq's spellings work (``sslmode``, sockets, several
hosts, a password file), and neither the engine nor its errors ever hold the password. Reads run
in autocommit, one round trip each; writes in a transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vibn.errors import InvalidInput, StoreUnavailable
from vibn.store import refusals
from vibn.store.connector import DEADLINE, HEARD_EVERY, Work
from vibn.store.failures import translated, unavailable
from vibn.store.migrate import LOCK_KEY, OURS, Migrations

T = TypeVar("T")

log = logging.getLogger(__name__)

SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
_CONNECT = 5.0
"""Seconds for one attempt to connect."""
_MIGRATE = 60.0
"""Seconds for the migrations, other processes' included."""
_AGAIN = 0.5
"""Seconds before a listening connection is tried again."""
_WHERE = "The PostgreSQL database"


class PostgresConnector:
    def __init__(
        self,
        url: str,
        deadline: float = DEADLINE,
        connections: int = 10,
        migrations: Migrations = OURS,
    ) -> None:
        """Raises InvalidInput for what is not a PostgreSQL URL."""
        scheme, colon, rest = url.partition("://")
        if scheme not in SCHEMES or not colon:
            raise _not_a_url()
        self._dsn = f"postgresql://{rest}"
        self._deadline = deadline
        self._connections = connections
        self._migrations = migrations
        self._engine: AsyncEngine | None = None
        self._autocommit: AsyncEngine | None = None

    async def open(self) -> None:
        engine = self._make(
            pool_size=self._connections,
            max_overflow=0,
            pool_timeout=self._deadline,
            pool_use_lifo=True,
        )
        self._engine = engine
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            if await self.read(self._migrations.due):
                # Alembic blocks, and keeps its state in globals: it gets a thread and a loop.
                with translated(_WHERE):
                    await asyncio.to_thread(lambda: asyncio.run(self._migrate()))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        engine, self._engine, self._autocommit = self._engine, None, None
        if engine is not None:
            await engine.dispose()

    async def read(self, work: Work[T]) -> T:
        if self._autocommit is None:
            raise refusals.not_open()
        engine = self._autocommit
        with translated(_WHERE):
            async with asyncio.timeout(self._deadline):
                try:
                    return await _look(engine, work)
                except sa.exc.DBAPIError as error:
                    if not error.connection_invalidated:
                        raise
                # The server was restarted since the last call; the pool is new by now.
                return await _look(engine, work)

    async def scan(self, work: Work[T]) -> T:
        return await self.read(work)

    async def write(self, work: Work[T]) -> T:
        if self._engine is None:
            raise refusals.not_open()
        engine = self._engine
        with translated(_WHERE):
            async with asyncio.timeout(self._deadline):
                async with engine.connect() as connection:
                    if await _alive(connection):
                        return await _change(connection, work)
                async with engine.connect() as connection:
                    return await _change(connection, work)

    async def heard(self, channel: str) -> AsyncIterator[None]:
        """By a connection of its own, which is made again when it broke: what was said meanwhile
        is lost, so the first yield after that is early."""
        said = asyncio.Event()
        while True:
            connection = await self.listening(channel, lambda _: said.set())
            try:
                yield
                while connection is not None and not connection.is_closed():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(HEARD_EVERY):
                            await said.wait()
                    said.clear()
                    yield
                await asyncio.sleep(_AGAIN)
            finally:
                if connection is not None:
                    connection.terminate()

    async def listening(self, channel: str, hear: Callable[[str], None]) -> Any:
        """A connection that calls ``hear`` with each word on the channel, and with an empty one
        when it is lost; None when the database does not answer. It is the caller's to end."""
        try:
            connection = await self._connect()
            connection.add_termination_listener(lambda _: hear(""))
            await connection.add_listener(channel, lambda *said: hear(said[-1]))
        except (StoreUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("nothing is heard on %s until the database answers: %s", channel, error)
            return None
        return connection

    async def _migrate(self) -> None:
        engine = self._make(poolclass=sa.pool.NullPool)
        async with asyncio.timeout(_MIGRATE), engine.begin() as connection:
            lock = sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY))
            await connection.execute(lock)
            await connection.run_sync(self._migrations.upgrade)

    def _make(self, **pool: Any) -> AsyncEngine:
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            **pool,
        )

    async def _connect(self) -> Any:
        """Errors of this step are told without their cause: it may quote the URL."""
        settings = {"application_name": "vibn"}
        try:
            return await asyncpg.connect(self._dsn, timeout=_CONNECT, server_settings=settings)
        except (ValueError, TypeError):
            raise _not_a_url() from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise unavailable(_WHERE, self._without_password(why)) from None

    def _without_password(self, text: str) -> str:
        try:
            password = urlsplit(self._dsn).password
        except ValueError:
            return "the URL is not understood"
        return text.replace(password, "***") if password else text


async def _look(engine: AsyncEngine, work: Work[T]) -> T:
    async with engine.connect() as connection:
        return await connection.run_sync(work)


async def _change(connection: AsyncConnection, work: Work[T]) -> T:
    result = await connection.run_sync(work)
    await connection.commit()
    return result


async def _alive(connection: AsyncConnection) -> bool:
    """Whether the server still knows this connection. Asked before a write: one that breaks in
    the middle cannot be tried again, for it may have happened."""
    try:
        await connection.exec_driver_sql("SELECT 1")
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return False
    return True


def _not_a_url() -> InvalidInput:
    return InvalidInput(
        "VIBN_DATABASE_URL is not a PostgreSQL URL.",
        hint="Write postgresql://user:password@host:5432/database, with special characters of "
        "the password percent-encoded.",
    )
