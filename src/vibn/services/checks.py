"""What ``vibn doctor`` looks at: the runtime's own findings, the store and the state directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import Finding, Severity
from vibn.runtimes import choice
from vibn.store.base import Store
from vibn.store.sql import open_store


async def check(settings: Settings, decided: choice.Choice) -> list[Finding]:
    """Never raises for a part that is broken: that is a finding. Migrates the store if need be."""
    return [_directory(settings), *await _store_and_runtime(settings, decided)]


def _directory(settings: Settings) -> Finding:
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    except OSError as error:
        return Finding(
            Severity.ERROR,
            "state",
            f"{settings.state_dir} cannot be made: {error.strerror}.",
            "Set VIBN_STATE_DIR to a directory that you may write.",
        )
    return Finding(Severity.OK, "state", f"{settings.state_dir}")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    store = open_store(settings)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def _store_and_runtime(settings: Settings, decided: choice.Choice) -> list[Finding]:
    kind = "PostgreSQL" if settings.database_url.get_secret_value() else "SQLite"
    try:
        async with opened(settings) as store:
            installation = await store.installation(token_hex(8))
    except VibnError as error:
        return [Finding(Severity.ERROR, "store", f"{kind}: {error.message}", error.hint)]
    findings = [Finding(Severity.OK, "store", f"{kind} answers, migrated")]
    runtime = choice.make(decided, settings, installation)
    try:
        return [*findings, *await runtime.check()]
    except VibnError as error:
        return [*findings, Finding(Severity.ERROR, decided.name, error.message, error.hint)]
    finally:
        await runtime.close()
