"""The relay over PostgreSQL's NOTIFY, by a connection that does nothing but listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import sqlalchemy as sa

from vibn.errors import InvalidInput
from vibn.store.postgres import PostgresConnector
from vibn.store.relay import LONGEST

CHANNEL = "vibn_words"
_LOST = ""
"""Heard when the connection is lost; no word is empty."""
_SILENCE = 20.0
"""Seconds after which a silent connection is asked whether it still lives."""
_ANSWER = 5.0
_AGAIN = 0.5
"""Seconds before a connection is tried again."""


class PostgresRelay:
    def __init__(self, connector: PostgresConnector) -> None:
        self._db = connector

    async def tell(self, word: str) -> None:
        if not word or len(word.encode()) > LONGEST or "\0" in word:
            raise InvalidInput(f"A word between control planes has 1 to {LONGEST} bytes.")
        notify = sa.select(sa.func.pg_notify(CHANNEL, word))
        await self._db.write(lambda connection: connection.execute(notify).close())

    async def told(self) -> AsyncIterator[str]:
        while True:
            words: asyncio.Queue[str] = asyncio.Queue()
            connection = await self._db.listening(CHANNEL, words.put_nowait)
            try:
                while connection is not None and (word := await _next(connection, words)):
                    yield word
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(_AGAIN)


async def _next(connection: Any, words: asyncio.Queue[str]) -> str:
    """The next word, or _LOST."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SILENCE):
                return await words.get()
        try:
            await connection.fetchval("SELECT 1", timeout=_ANSWER)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return _LOST
