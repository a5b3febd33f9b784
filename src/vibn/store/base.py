"""The contract of the store: workspaces, projects, boxes, and secrets at rest; what it keeps of
authority stands in ``authority.py``.

Implementations: ``memory`` (tests), ``sql`` (SQLite in WAL mode and PostgreSQL, one source of
SQL). One contract suite runs against all. Every method raises ``StoreUnavailable``, within about
ten seconds, when the database does not answer, and works again when it does. A write whose caller
is cancelled or gets StoreUnavailable may or may not have happened.

Text with a NUL or half a surrogate pair, and a time without a zone, are InvalidInput where they
would be stored, and find nothing where they are looked up. Times come back in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from vibn.models import Box, BoxState, Project, Workspace
from vibn.store.authority import SwitchStore, TokenStore, Trail
from vibn.store.located import Located
from vibn.store.relay import Relay

__all__ = ["Located", "Store"]


class Store(Protocol):
    @property
    def tokens(self) -> TokenStore: ...

    @property
    def switches(self) -> SwitchStore: ...

    @property
    def trail(self) -> Trail: ...

    @property
    def relay(self) -> Relay | None:
        """None where control planes cannot be told of each other's words: they must not be
        several behind one address."""
        ...

    async def open(self) -> None:
        """Connect and migrate. Safe when two processes do it at once."""
        ...

    async def close(self) -> None: ...

    # workspaces and projects

    async def add_workspace(self, workspace: Workspace) -> Workspace:
        """Raises AlreadyExists when the slug or the id is taken."""
        ...

    async def workspace(self, slug: str) -> Workspace:
        """Raises WorkspaceNotFound."""
        ...

    async def workspaces(self) -> Sequence[Workspace]:
        """All, by slug."""
        ...

    async def delete_workspace(self, slug: str) -> None:
        """Idempotent; its tokens go with it. Raises Conflict while it has projects."""
        ...

    async def add_project(self, project: Project) -> Project:
        """Raises AlreadyExists when the slug is taken in its workspace (or the id anywhere),
        WorkspaceNotFound."""
        ...

    async def save_project(self, project: Project) -> Project:
        """Replace name, env, limits and seed of the project with this id and workspace; the slug
        stays. Returns it as stored. Raises ProjectNotFound."""
        ...

    async def projects(self, workspace: str) -> Sequence[Project]:
        """Those of one workspace, by slug; none when there is no such workspace."""
        ...

    async def overview(self, workspace: str) -> Sequence[tuple[Project, Box | None]]:
        """The projects of one workspace with their boxes, by slug, in one SELECT."""
        ...

    async def delete_project(self, workspace: str, slug: str) -> None:
        """Idempotent; its secrets and tokens go with it. Raises Conflict while its box's row
        exists."""
        ...

    async def locate(self, workspace: str, project: str) -> Located:
        """Project, box and sealed secrets by the workspace's and the project's slug, in one SELECT.

        Raises ProjectNotFound, with the same message for a missing and for a foreign project.
        """
        ...

    # boxes

    async def claim(self, box: Box) -> tuple[Box, bool]:
        """Insert the row unless the project has one. Returns the row that is there now, and
        whether it is ours. Of any number of callers at once exactly one gets True.

        Raises ProjectNotFound, and Conflict when another project has this ``box_id``."""
        ...

    async def box(self, project_id: str) -> Box | None: ...

    async def save_box(self, box: Box) -> Box | None:
        """Compare and set on ``box.version``; returns the row with its new version, or None when
        another writer was first (read again and decide again).

        ``last_active_at`` never goes backwards: what ``touch`` wrote meanwhile stays, and is in
        the answer."""
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

    async def set_secret(self, project_id: str, name: str, sealed: bytes) -> None:
        """Set or replace. Raises ProjectNotFound."""
        ...

    async def reseal_secret(self, project_id: str, name: str, old: bytes, new: bytes) -> bool:
        """Replace ``old`` by ``new`` if it is still there: a value set meanwhile is kept."""
        ...

    async def secrets(self, project_id: str) -> Mapping[str, bytes]:
        """Sealed values by name. Sealing is the service's; the store never sees plain text."""
        ...

    async def delete_secret(self, project_id: str, name: str) -> None:
        """Idempotent."""
        ...

    # this installation

    async def installation(self, candidate: str) -> str:
        """The installation's random id. The first ``candidate`` ever given is kept for good."""
        ...

    # the warm pool: boxes made ahead, without a project

    async def add_warm(self, box: Box) -> None:
        """Keep a ready, unassigned box; its ``project_id`` is empty. Raises AlreadyExists."""
        ...

    async def claim_warm(self, image: str, runtime: str) -> Box | None:
        """Take the oldest warm box of this image and runtime out of the pool, or None. No two
        callers get the same."""
        ...

    async def warm(self) -> Sequence[Box]:
        """All, oldest first."""
        ...

    async def remove_warm(self, box_id: str) -> None:
        """Idempotent."""
        ...
