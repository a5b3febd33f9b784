"""The ways into a project's box, for services that work inside it."""

from __future__ import annotations

from typing import Protocol

from vibn.errors import ProjectNotFound
from vibn.models import Capabilities
from vibn.services.life.boxes import Boxes, Inside
from vibn.store.located import Located


class Way(Protocol):
    """``Boxes`` finds the project first, with one SELECT; ``Known`` was told of it."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def enter(self, workspace: str, project: str, user: str = "vibn") -> Inside: ...


class Known:
    """Into the one project that a call was admitted to, without finding it again. It leads to no
    other: whatever a caller names beside it is ProjectNotFound."""

    def __init__(self, boxes: Boxes, located: Located) -> None:
        self._boxes = boxes
        self._located = located

    @property
    def capabilities(self) -> Capabilities:
        return self._boxes.capabilities

    async def enter(self, workspace: str, project: str, user: str = "vibn") -> Inside:
        own = self._located.project
        if (workspace, project) != (own.workspace, own.slug):
            raise ProjectNotFound("This call was admitted to another project.")
        return await self._boxes.enter_located(self._located, user)
