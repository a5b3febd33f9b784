"""Words from one control plane to all on the same database. They are kept nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

LONGEST = 4000
"""Bytes of a word."""


class Relay(Protocol):
    """A word is lost where nobody listens just then."""

    async def tell(self, word: str) -> None:
        """To all. Raises StoreUnavailable, and InvalidInput for a word that is too long."""
        ...

    def told(self) -> AsyncIterator[str]:
        """What is told from now on, by this control plane too; never ends, and never raises for
        the database."""
        ...
