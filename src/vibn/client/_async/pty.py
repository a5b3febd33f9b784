"""Interactive terminals in the box."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from vibn.client._async.link import AsyncLink
from vibn.client._async.running import AsyncRunningCommand, async_started
from vibn.client.messages import Opening, Size
from vibn.client.request import segment


class AsyncPty:
    def __init__(self, link: AsyncLink, project: str) -> None:
        self._link = link
        self._path = f"/projects/{segment(project)}/terminal"

    @asynccontextmanager
    async def open(
        self,
        command: str | None = None,
        *,
        rows: int = 24,
        cols: int = 80,
        term: str = "xterm-256color",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        user: str = "vibn",
    ) -> AsyncIterator[AsyncRunningCommand]:
        """A terminal with a login shell, or with ``command``. All that it shows comes as stdout;
        write what is typed. It has no time limit; leaving the block ends it."""
        opening = Opening(command, cwd, env or {}, user, None, Size(rows, cols), term)
        async with async_started(self._link, self._path, opening) as terminal:
            yield terminal
