"""Seals hold on PostgreSQL too: what it keeps of a row is what was sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from vibn.config import Settings
from vibn.services.audit import Audit, Entry
from vibn.store.sql import open_store

pytestmark = pytest.mark.postgres


async def test_rows_come_back_as_they_were_sealed(postgres_url: str, tmp_path: Path) -> None:
    store = open_store(Settings(database_url=SecretStr(postgres_url), state_dir=tmp_path))
    await store.open()
    at = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    odd = ("größe", "\0\n\x1b", "\udcff", "模块", "\U0001f600")
    async with Audit(store.trail, tmp_path) as audit:
        for n in range(1500):
            row = Entry(
                at, f"r{n}", "mcp", "t", "acme", "shop", "x", "h", odd, "ok", n / 7, 1 << 62
            )
            audit.note(row)
    [verdict] = (await audit.verify()).verdicts
    await store.close()
    assert (verdict.problem, verdict.rows, verdict.unsigned) == ("", 1500, 0)
