"""A real trail in SQLite, and somebody who changes the database behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vibn.config import Settings
from vibn.services.audit import Audit, Entry, Verdict
from vibn.store.sql import SqlStore, open_store

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def entry(request: str) -> Entry:
    return Entry(NOW, request, "rest", "t1", "acme", "shop", "fs_write", "abc", ("a", "b"))


@dataclass
class Trail:
    state: Path
    store: SqlStore

    def audit(self) -> Audit:
        return Audit(self.store.trail, self.state)

    async def write(self, rows: int, audit: Audit | None = None) -> str:
        """A closed chain of so many rows, with a head after each third of them; its name."""
        before = set(await self.store.trail.chains())
        async with audit or self.audit() as writing:
            for n in range(1, rows + 1):
                writing.note(entry(f"r{n}"))
                if n % max(1, rows // 3) == 0:
                    await writing.flush()
                    ledger = writing._ledger
                    assert ledger is not None
                    assert ledger._reached is not None
                    await writing._carrier.publish(ledger._reached)
        [chain] = set(await self.store.trail.chains()) - before
        return chain

    def attack(self, *statements: str, unchecked: bool = False, **values: Any) -> None:
        database = sqlite3.connect(self.state / "vibn.db", isolation_level=None)
        database.execute(f"PRAGMA ignore_check_constraints = {unchecked}")
        for statement in statements:
            changed = database.execute(statement, values)
            assert changed.rowcount > 0, statement
        database.close()

    async def verdict(self, chain: str) -> Verdict:
        report = await self.audit().verify()
        [verdict] = [v for v in report.verdicts if v.chain == chain]
        assert report.ok == all(v.ok for v in report.verdicts)
        return verdict


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[Trail]:
    store = open_store(Settings(state_dir=tmp_path, database_url=""))
    await store.open()
    yield Trail(tmp_path, store)
    await store.close()
