"""A command while it runs: its output piece by piece, with the project's secrets masked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from vibn.channel import Running
from vibn.outcomes import ExecResult, Output
from vibn.services.environment import Variables
from vibn.services.masking import Masker

Progress = Callable[[str], Awaitable[None]]
"""Tells whoever waits what a command printed of late. It must not take long, and may drop it."""

EVERY = 1.0
"""Seconds between two tellings."""
TAIL = 2000
"""Characters that are told at most."""


class ShellRun:
    """Iterate over it for the output; who does not iterate stops the command once its pipes are
    full. What may be the beginning of a secret comes with the next piece."""

    def __init__(self, running: Running, variables: Variables) -> None:
        self._running = running
        values = [variables.all[name] for name in variables.secret]
        self._maskers = {"out": Masker(values), "err": Masker(values)}

    async def __aiter__(self) -> AsyncIterator[Output]:
        async for piece in self._running:
            shown = self._maskers[piece.stream].feed(piece.data)
            if shown:
                yield Output(piece.stream, shown)
        for stream, masker in self._maskers.items():
            if rest := masker.end():
                yield Output(stream, rest)

    async def write(self, data: bytes) -> bool:
        """To its stdin, as fast as it reads. False when it ended before all was taken."""
        return await self._running.write(data)

    def close_stdin(self) -> None:
        self._running.close_stdin()

    def signal(self, name: str) -> None:
        """Such as ``INT``, to its process group; on a terminal, to the foreground one."""
        self._running.signal(name)

    def resize(self, rows: int, cols: int) -> None:
        self._running.resize(rows, cols)

    async def ended(self) -> ExecResult:
        return await self._running.result()


async def told_by(run: ShellRun, progress: Progress) -> ExecResult:
    """Follow a command to its end and tell of its output about each second. Its result is the
    agent's: nothing of the output has to be kept here."""
    tail = ""
    new = asyncio.Event()

    async def tell() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, last + EVERY - time.monotonic()))
            await new.wait()
            new.clear()
            last = time.monotonic()
            await progress(tail)

    teller = asyncio.create_task(tell(), name="progress")
    try:
        async for piece in run:
            tail = (tail + piece.data.decode(errors="replace"))[-TAIL:]
            new.set()
        return await run.ended()
    finally:
        teller.cancel()
        with suppress(asyncio.CancelledError):
            await teller
