"""The contract of the store: workspaces, projects, boxes, and secrets at rest.

Implementations: ``memory`` (tests), ``sql`` (SQLite in WAL mode and PostgreSQL, one source of
SQL). One contract suite runs against all. Every method raises ``StoreUnavailable`` when the
database does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vibn.models import Box, BoxState, Project, Workspace


@dataclass(frozen=True, slots=True)
class Located:
    """The answer to the warm path's one SELECT."""

    project: Project
    box: Box | None


class Store(Protocol):
    async def open(self) -> None:
        """Connect and migrate. Safe when two processes do it at once."""
        ...

    async def close(self) -> None: ...

    # workspaces and projects

    async def add_workspace(self, workspace: Workspace) -> Workspace:
        """Raises AlreadyExists when the slug is taken."""
        ...

    async def workspace(self, slug: str) -> Workspace:
        """Raises WorkspaceNotFound."""
        ...

    async def workspaces(self) -> Sequence[Workspace]: ...

    async def add_project(self, project: Project) -> Project:
        """Raises AlreadyExists when the slug is taken in its workspace, WorkspaceNotFound."""
        ...

    async def save_project(self, project: Project) -> Project:
        """Replace name, env, limits and seed. Raises ProjectNotFound."""
        ...

    async def projects(self, workspace: str) -> Sequence[Project]: ...

    async def delete_project(self, workspace: str, slug: str) -> None:
        """Idempotent. Raises Conflict while its box's row exists."""
        ...

    async def locate(self, workspace: str, project: str) -> Located:
        """Project and box by the workspace's and the project's slug, in one SELECT.

        Raises ProjectNotFound, with the same message for a missing and for a foreign project.
        """
        ...

    # boxes

    async def claim(self, box: Box) -> tuple[Box, bool]:
        """Insert the row unless the project has one. Returns the row that is there now, and
        whether it is ours. Of any number of callers at once exactly one gets True."""
        ...

    async def box(self, project_id: str) -> Box | None: ...

    async def save_box(self, box: Box) -> Box | None:
        """Compare and set on ``box.version``; returns the row with its new version, or None when
        another writer was first (read again and decide again)."""
        ...

    async def delete_box(self, box: Box) -> bool:
        """Delete the row if its version is still ``box.version``."""
        ...

    async def boxes(self, *states: BoxState) -> Sequence[Box]:
        """All rows, or those in ``states``, oldest activity first."""
        ...

    async def touch(self, activity: Mapping[str, datetime]) -> None:
        """Set ``last_active_at`` of many boxes by project id, never backwards, without changing
        their version. Written in batches behind the calls."""
        ...

    # secrets

    async def set_secret(self, project_id: str, name: str, sealed: bytes) -> None: ...

    async def secrets(self, project_id: str) -> Mapping[str, bytes]:
        """Sealed values by name. Sealing is the service's; the store never sees plain text."""
        ...

    async def delete_secret(self, project_id: str, name: str) -> None: ...

    # this installation

    async def installation(self, candidate: str) -> str:
        """The installation's random id. The first ``candidate`` ever given is kept for good."""
        ...

    # the warm pool: boxes made ahead, without a project

    async def add_warm(self, box: Box) -> None:
        """Keep a ready, unassigned box; its ``project_id`` is empty."""
        ...

    async def claim_warm(self, image: str, runtime: str) -> Box | None:
        """Take one warm box out of the pool, or None. No two callers get the same."""
        ...

    async def warm(self) -> Sequence[Box]: ...

    async def remove_warm(self, box_id: str) -> None: ...
