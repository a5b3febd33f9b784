"""Words between control planes: heard by all on one PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from vibn.config import Settings
from vibn.errors import InvalidInput, StoreUnavailable
from vibn.store.memory import MemoryStore
from vibn.store.postgres_relay import CHANNEL
from vibn.store.relay import LONGEST, Relay
from vibn.store.sql import open_store


@pytest.fixture
async def relays(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Relay]]:
    settings = Settings(database_url=SecretStr(postgres_url), state_dir=tmp_path)
    stores = [open_store(settings) for _ in range(2)]
    for store in stores:
        await store.open()
    yield [store.relay for store in stores if store.relay is not None]
    for store in stores:
        await store.close()


async def heard(listener: Relay, teller: Relay, word: str) -> bool:
    """Whether ``word`` comes, told again and again: the first may be told before anyone hears."""
    async with aclosing(listener.told()) as words:
        waiting = asyncio.ensure_future(anext(words))
        async with asyncio.timeout(20):
            while not waiting.done():
                await teller.tell(word)
                await asyncio.wait({waiting}, timeout=0.1)
        return waiting.result() == word


@pytest.mark.postgres
async def test_a_word_reaches_another_control_plane_and_its_own(relays: list[Relay]):
    one, two = relays
    assert await heard(two, one, "hello")
    assert await heard(one, one, "hello")


@pytest.mark.postgres
async def test_a_listener_comes_back_when_its_connection_is_cut(
    relays: list[Relay], postgres_url: str
):
    one, two = relays
    async with aclosing(two.told()) as words:
        waiting = asyncio.ensure_future(anext(words))
        async with asyncio.timeout(20):
            while not await _cut(postgres_url):
                await asyncio.sleep(0.05)
            while not waiting.done():
                await one.tell("again")
                await asyncio.wait({waiting}, timeout=0.1)
        assert waiting.result() == "again"


@pytest.mark.postgres
@pytest.mark.parametrize("word", ["", "x" * (LONGEST + 1), "a\0b"])
async def test_a_word_that_cannot_be_told_is_refused(relays: list[Relay], word: str):
    with pytest.raises(InvalidInput):
        await relays[0].tell(word)


@pytest.mark.postgres
async def test_a_database_that_is_away_fails_the_teller_alone(postgres_url: str, tmp_path: Path):
    url = postgres_url.replace("host=", "host=/nowhere")
    store = open_store(Settings(database_url=SecretStr(url), state_dir=tmp_path))
    assert store.relay is not None
    with pytest.raises(StoreUnavailable):
        await store.relay.tell("hello")


def test_one_control_plane_alone_has_no_relay(tmp_path: Path):
    assert MemoryStore().relay is None
    assert open_store(Settings(state_dir=tmp_path)).relay is None


async def _cut(url: str) -> int:
    """End the connections that listen; how many there were."""
    connection = await asyncpg.connect(url)
    cut = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE $1",
        f'LISTEN "{CHANNEL}"%',
    )
    await connection.close()
    return len(cut)
