"""What is measured: an installation of its own with a few projects."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from vibn.app import App
from vibn.errors import NotFound, RuntimeUnavailable

WORKSPACE = "bench"


class Subject:
    """``rounds`` scales every number of rounds."""

    def __init__(self, app: App, rounds: float) -> None:
        self.app = app
        self._scale = rounds
        self._projects: set[str] = set()

    def rounds(self, full: int) -> int:
        return max(5, int(full * self._scale))

    async def project(self, slug: str) -> tuple[str, str]:
        """Workspace and project, made when it is new; for ``*where`` arguments."""
        await self.app.projects.ensure(WORKSPACE, slug)
        self._projects.add(slug)
        return WORKSPACE, slug

    async def running(self, slug: str = "main") -> tuple[str, str]:
        where = await self.project(slug)
        await self.app.boxes.ensure(*where)
        return where

    async def container(self, slug: str = "main") -> str:
        """The engine's id of the box's container. Raises RuntimeUnavailable without an engine."""
        if self.app.runtime.name != "docker":
            raise RuntimeUnavailable("There is no container engine to compare with.")
        located = await self.app.store.locate(*await self.running(slug))
        if located.box is None:
            raise NotFound("The bench's box is gone.")
        return located.box.service_uuid

    async def remove(self) -> None:
        for slug in self._projects:
            await self.app.projects.delete(WORKSPACE, slug)
        await self.app.boxes.warm.drain()


async def host(command: Sequence[str]) -> None:
    """``subprocess.run`` on this host, in the loop's thread as a simple program would do it."""
    subprocess.run(command, check=True, capture_output=True)
