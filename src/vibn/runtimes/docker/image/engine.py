"""The engine's API as a build needs it: one connection, and its stream of steps made readable."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiodocker
import aiohttp

from vibn.errors import RuntimeUnavailable, Unavailable

SILENCE = 600.0
"""Seconds that a build may say nothing."""


@asynccontextmanager
async def engine() -> AsyncIterator[aiodocker.Docker]:
    """A connection to ``DOCKER_HOST``, or to this machine's socket, that has answered once."""
    unavailable = "The Docker Engine does not answer"
    hint = "Start it (systemctl start docker), or set DOCKER_HOST; see `vibn doctor`."
    try:
        docker = aiodocker.Docker()
    except ValueError as exc:
        raise RuntimeUnavailable(f"{unavailable}: {exc}", hint=hint) from exc
    try:
        try:
            async with asyncio.timeout(10):
                await docker.version()
        except (aiodocker.DockerError, aiohttp.ClientError, OSError) as exc:
            raise RuntimeUnavailable(f"{unavailable}: {exc}.", hint=hint) from exc
        yield docker
    finally:
        await docker.close()


class Steps:
    """Turns the builder's output into one line a finished step, with the time it took."""

    def __init__(self, progress: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._progress = progress
        self._clock = clock
        self._step = ""
        self._begun = 0.0
        self._cached = False
        self.tail: list[str] = []
        """The last lines of the step that runs: what a failure is explained with."""

    def line(self, text: str) -> None:
        if match := re.match(r"Step (\d+)/(\d+) : (.*)", text):
            self.finish()
            number, total, command = match.groups()
            self._step = f"[{number:>2}/{total}] {' '.join(command.split())[:84]}"
            self._begun = self._clock()
            self._cached = False
            self.tail = []
        elif text.strip() == "---> Using cache":
            self._cached = True
        elif text.strip():
            self.tail = [*self.tail[-9:], text.rstrip()]

    def finish(self) -> None:
        if self._step:
            took = "cached" if self._cached else f"{self._clock() - self._begun:.1f} s"
            self._progress(f"{took:>8}  {self._step}")
            self._step = ""

    @property
    def current(self) -> str:
        return self._step


async def steps(
    stream: AsyncIterator[dict[str, Any]],
    progress: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Follow a build to its end. Raises Unavailable with the failing step's last lines."""
    told = Steps(progress, clock)
    rest = ""
    try:
        while True:
            async with asyncio.timeout(SILENCE):
                message = await anext(stream, None)
            if message is None:
                break
            *lines, rest = (rest + str(message.get("stream", ""))).split("\n")
            for line in lines:
                told.line(line)
    except (aiodocker.DockerError, aiohttp.ClientError) as exc:
        last = "\n".join(f"  | {line}" for line in told.tail)
        raise Unavailable(
            f"The build failed at {told.current or 'its start'}: {exc}\n{last}",
            hint="Mend what the lines above name (often the network), and run it again; "
            "finished steps are cached.",
        ) from exc
    told.finish()
