"""Workspaces and projects: made, configured, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from vibn.errors import AlreadyExists, Conflict, InvalidInput, ProjectNotFound, WorkspaceNotFound
from vibn.models import Box, Limits, Project, Seed, Workspace
from vibn.services import environment
from vibn.services.clock import Clock
from vibn.services.life import seeding
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import Effect, Faults
from vibn.store.base import Store

SLUG_LENGTH = 40


def check_slug(slug: str) -> str:
    """A lower-case DNS label of at most 40 characters. Raises InvalidInput that tells the rule."""
    if len(slug) > SLUG_LENGTH:
        raise InvalidInput(
            f"The slug {slug[:60]!r} is longer than {SLUG_LENGTH} characters.",
            hint="Use a shorter name; the long one can be the display name.",
        )
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", slug):
        raise InvalidInput(
            f"Not a slug: {slug!r}.",
            hint="Use lower-case letters, digits and inner hyphens, such as my-shop.",
        )
    return slug


class Projects:
    """``ids`` gives random ids; ``boxes`` deletes a project's box before its row."""

    def __init__(
        self, store: Store, boxes: Boxes, clock: Clock, ids: Callable[[], str], faults: Faults
    ) -> None:
        self._store = store
        self._boxes = boxes
        self._clock = clock
        self._ids = ids
        self._faults = faults

    async def create_workspace(self, slug: str, name: str = "") -> Workspace:
        """Raises InvalidInput, AlreadyExists."""
        check_slug(slug)
        made = Workspace(self._ids(), slug, name or slug, self._clock.now())
        with self._faults.around(Effect.ADD_WORKSPACE):
            return await self._store.add_workspace(made)

    async def create(
        self,
        workspace: str,
        slug: str,
        name: str = "",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        seed: Seed | None = None,
    ) -> Project:
        """Raises InvalidInput, AlreadyExists, WorkspaceNotFound. Makes no box yet.

        ``seed.archive`` is a file of this host: a surface for tenants never passes one of theirs.
        """
        project = Project(
            id=self._ids(),
            workspace=workspace,
            slug=check_slug(slug),
            name=name or slug,
            created_at=self._clock.now(),
            env=environment.check(env or {}),
            limits=limits,
            seed=seeding.check(seed) if seed else None,
        )
        with self._faults.around(Effect.ADD_PROJECT):
            return await self._store.add_project(project)

    async def ensure(self, workspace: str, slug: str) -> Project:
        """The project, made with its workspace where there is none. Safe from many callers."""
        try:
            return await self.get(workspace, slug)
        except ProjectNotFound:
            check_slug(slug)
        try:
            await self._store.workspace(workspace)
        except WorkspaceNotFound:
            with suppress(AlreadyExists):  # another caller may make it in between
                await self.create_workspace(workspace)
        try:
            return await self.create(workspace, slug)
        except AlreadyExists:
            return await self.get(workspace, slug)

    async def get(self, workspace: str, slug: str) -> Project:
        """Raises ProjectNotFound."""
        return (await self._store.locate(workspace, slug)).project

    async def list(self, workspace: str) -> Sequence[Project]:
        """Raises WorkspaceNotFound."""
        await self._store.workspace(workspace)
        return await self._store.projects(workspace)

    async def overview(self, workspace: str) -> Sequence[tuple[Project, Box | None]]:
        """All of a workspace with their boxes, by slug, in one SELECT."""
        return await self._store.overview(workspace)

    async def set_env(self, workspace: str, slug: str, env: Mapping[str, str | None]) -> Project:
        """Set variables for every command from now on; None removes one."""
        project = await self.get(workspace, slug)
        kept = {name: value for name, value in project.env.items() if name not in env}
        given = {name: value for name, value in env.items() if value is not None}
        return await self._save(replace(project, env=environment.check({**kept, **given})))

    async def set_limits(self, workspace: str, slug: str, limits: Limits | None) -> Project:
        """Take effect when the box is made the next time (``recreate``)."""
        return await self._save(replace(await self.get(workspace, slug), limits=limits))

    async def set_seed(self, workspace: str, slug: str, seed: Seed | None) -> Project:
        """For a box that is not seeded yet; ``Boxes.seed`` tries it at once.

        ``seed.archive`` is a file of this host: a surface for tenants never passes one of theirs.
        """
        checked = seeding.check(seed) if seed else None
        return await self._save(replace(await self.get(workspace, slug), seed=checked))

    async def delete(self, workspace: str, slug: str) -> None:
        """Box, volumes and rows, for good; idempotent.

        The box's row goes only after its volumes, and the project's after the box's: killed
        anywhere, the project is still there to be deleted again.
        """
        for _ in range(5):
            try:
                await self._boxes.delete(workspace, slug, volumes=True)
            except ProjectNotFound:
                return
            try:
                with self._faults.around(Effect.DELETE_PROJECT):
                    await self._store.delete_project(workspace, slug)
                return
            except Conflict:
                continue  # an ensure at the same moment made a box again
        raise Conflict(
            f"The project {slug} gets a new dev container as often as it is deleted.",
            hint="End the calls that use it, then delete it again.",
        )

    async def _save(self, project: Project) -> Project:
        with self._faults.around(Effect.SAVE_PROJECT):
            return await self._store.save_project(project)
