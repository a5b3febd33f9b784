"""The contract of a connector: where a function of a Connection runs, and in what transaction.

    read    a few rows by key, each statement seeing what was committed before it began
    scan    many rows; may take a while, and never holds up the event loop or a read
    write   one transaction, committed when it returns, rolled back when it raises

The function is plain synchronous SQLAlchemy; it may run on the event loop's thread, on another,
or in a greenlet, so it keeps nothing but its result. A caller that is cancelled during a write
does not know whether it happened. Raises StoreUnavailable within the connector's deadline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

DEADLINE = 10.0
"""Seconds that one call may wait for the database."""
HEARD_EVERY = 2.0


class Connector(Protocol):
    async def open(self) -> None:
        """Connect and migrate."""
        ...

    async def close(self) -> None: ...

    async def read(self, work: Work[T]) -> T: ...

    async def scan(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T: ...

    def heard(self, channel: str) -> AsyncIterator[None]:
        """Yields at once, then within half a second after each ``pg_notify`` on this channel or,
        where there is none, often enough for that; every ``HEARD_EVERY`` seconds anyhow. Never
        ends, and never raises for the database."""
        ...
