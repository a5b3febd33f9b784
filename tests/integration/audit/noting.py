"""A process that notes rows until it is killed, and says of each that it is noted.

``python noting.py <state directory> [point]``: with a point it kills itself there, after its
first rows: ``appended`` (the store has the rows, the spool has them too), ``anchored``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from vibn.config import Settings
from vibn.services.audit import Audit, Entry
from vibn.services.audit.anchors import Anchors
from vibn.store.sql import open_store


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def entry(number: int) -> Entry:
    paths = tuple(f"src/{number}/{n}.py" for n in range(number % 5))
    now = datetime.now(UTC)
    return Entry(now, f"r{number}", "mcp", "t", "acme", "shop", "shell_exec", "abc", paths)


async def main(state: Path, point: str) -> None:
    store = open_store(Settings(state_dir=state, database_url=""))
    await store.open()
    put = Anchors.put

    def put_and_die(self: Anchors, head: Any) -> None:
        put(self, head)
        die()

    if point:
        Anchors.put = die if point == "appended" else put_and_die  # type: ignore[assignment]
    async with Audit(store.trail, state) as audit:
        for number in count(1):
            audit.note(entry(number))
            os.write(1, b"%d\n" % number)
            await asyncio.sleep(0 if number % 50 else 0.02)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
