"""The store in memory: for tests of what stands on a store. Nothing outlives the object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from vibn.errors import StoreUnavailable
from vibn.models import Box, BoxState, Project, Workspace
from vibn.store import checked, refusals
from vibn.store.located import Located
from vibn.store.memory_authority import MemorySwitches, MemoryTokens, MemoryTrail
from vibn.store.relay import Relay


class MemoryStore:
    """No method awaits anything, so each is one step for all others. ``away`` makes every call
    fail as if the database did not answer; what is stored stays."""

    def __init__(self) -> None:
        self.away = False
        self._workspaces: dict[str, Workspace] = {}
        self._projects: dict[str, Project] = {}
        self._boxes: dict[str, Box] = {}
        self._secrets: dict[str, dict[str, bytes]] = {}
        self._warm: dict[str, Box] = {}
        self._installation = ""
        self.tokens = MemoryTokens(
            self._answer,
            self._workspaces.__contains__,
            self._projects.get,
            self._located,
        )
        self.switches = MemorySwitches(self._answer)
        self.trail = MemoryTrail(self._answer)
        self.relay: Relay | None = None

    async def open(self) -> None:
        self._answer()

    async def close(self) -> None: ...

    # workspaces and projects

    async def add_workspace(self, workspace: Workspace) -> Workspace:
        self._answer()
        value = checked.workspace(workspace)
        taken = {other.id for other in self._workspaces.values()}
        if value.slug in self._workspaces or value.id in taken:
            raise refusals.workspace_exists(value.slug)
        self._workspaces[value.slug] = value
        return value

    async def workspace(self, slug: str) -> Workspace:
        self._answer()
        if slug not in self._workspaces:
            raise refusals.no_workspace(slug)
        return self._workspaces[slug]

    async def workspaces(self) -> Sequence[Workspace]:
        self._answer()
        return [self._workspaces[slug] for slug in sorted(self._workspaces)]

    async def delete_workspace(self, slug: str) -> None:
        self._answer()
        if any(project.workspace == slug for project in self._projects.values()):
            raise refusals.has_projects(slug)
        self._workspaces.pop(slug, None)
        self.tokens.forget(slug)

    async def add_project(self, project: Project) -> Project:
        self._answer()
        value = checked.project(project)
        if value.workspace not in self._workspaces:
            raise refusals.no_workspace(value.workspace)
        if value.id in self._projects or self._find(value.workspace, value.slug):
            raise refusals.project_exists(value.workspace, value.slug)
        self._projects[value.id] = _kept(value)
        return value

    async def save_project(self, project: Project) -> Project:
        self._answer()
        value = checked.project(project)
        old = self._projects.get(value.id)
        if old is None or old.workspace != value.workspace:
            raise refusals.no_project(value.workspace, value.slug)
        new = replace(value, slug=old.slug, created_at=old.created_at)
        self._projects[value.id] = _kept(new)
        return _kept(new)

    async def projects(self, workspace: str) -> Sequence[Project]:
        self._answer()
        found = [_kept(p) for p in self._projects.values() if p.workspace == workspace]
        return sorted(found, key=lambda project: project.slug)

    async def overview(self, workspace: str) -> Sequence[tuple[Project, Box | None]]:
        found = await self.projects(workspace)
        return [(project, self._boxes.get(project.id)) for project in found]

    async def delete_project(self, workspace: str, slug: str) -> None:
        self._answer()
        project = self._find(workspace, slug)
        if project is None:
            return
        if project.id in self._boxes:
            raise refusals.has_box(slug)
        del self._projects[project.id]
        self._secrets.pop(project.id, None)
        self.tokens.forget(workspace, project.id)

    async def locate(self, workspace: str, project: str) -> Located:
        self._answer()
        found = self._located(workspace, project)
        if found is None:
            raise refusals.no_project(workspace, project)
        return found

    # boxes

    async def claim(self, box: Box) -> tuple[Box, bool]:
        self._answer()
        value = checked.box(box)
        if value.project_id in self._boxes:
            return self._boxes[value.project_id], False
        if value.project_id not in self._projects:
            raise refusals.no_project_id(value.project_id)
        self._keep_apart(value)
        self._boxes[value.project_id] = value
        return value, True

    async def box(self, project_id: str) -> Box | None:
        self._answer()
        return self._boxes.get(project_id)

    async def save_box(self, box: Box) -> Box | None:
        self._answer()
        value = checked.box(box)
        old = self._boxes.get(value.project_id)
        if old is None or old.version != value.version:
            return None
        self._keep_apart(value)
        active = max(old.last_active_at, value.last_active_at)
        new = replace(value, version=value.version + 1, last_active_at=active)
        self._boxes[value.project_id] = new
        return new

    async def delete_box(self, box: Box) -> bool:
        self._answer()
        old = self._boxes.get(box.project_id)
        if old is None or old.version != box.version:
            return False
        del self._boxes[box.project_id]
        return True

    async def boxes(self, *states: BoxState) -> Sequence[Box]:
        self._answer()
        found = [box for box in self._boxes.values() if not states or box.state in states]
        return sorted(found, key=lambda box: (box.last_active_at, box.created_at))

    async def touch(self, activity: Mapping[str, datetime]) -> None:
        self._answer()
        for project_id, at in checked.activity(activity).items():
            box = self._boxes.get(project_id)
            if box is not None and box.last_active_at < at:
                self._boxes[project_id] = replace(box, last_active_at=at)

    # secrets

    async def set_secret(self, project_id: str, name: str, sealed: bytes) -> None:
        self._answer()
        checked.texts(project_id=project_id, name=name)
        if project_id not in self._projects:
            raise refusals.no_project_id(project_id)
        self._secrets.setdefault(project_id, {})[name] = sealed

    async def reseal_secret(self, project_id: str, name: str, old: bytes, new: bytes) -> bool:
        self._answer()
        there = self._secrets.get(project_id, {})
        if there.get(name) != old:
            return False
        there[name] = new
        return True

    async def secrets(self, project_id: str) -> Mapping[str, bytes]:
        self._answer()
        return dict(self._secrets.get(project_id, {}))

    async def delete_secret(self, project_id: str, name: str) -> None:
        self._answer()
        self._secrets.get(project_id, {}).pop(name, None)

    # this installation

    async def installation(self, candidate: str) -> str:
        self._answer()
        checked.texts(candidate=candidate)
        self._installation = self._installation or candidate
        return self._installation

    # the warm pool

    async def add_warm(self, box: Box) -> None:
        self._answer()
        value = checked.box(box)
        if value.box_id in self._warm:
            raise refusals.warm_exists(value.box_id)
        self._warm[value.box_id] = value

    async def claim_warm(self, image: str, runtime: str) -> Box | None:
        for box in await self.warm():
            if box.image == image and box.runtime == runtime:
                return self._warm.pop(box.box_id)
        return None

    async def warm(self) -> Sequence[Box]:
        self._answer()
        return sorted(self._warm.values(), key=lambda box: box.created_at)

    async def remove_warm(self, box_id: str) -> None:
        self._answer()
        self._warm.pop(box_id, None)

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailable("The store in memory was told to be away.")

    def _located(self, workspace: str, slug: str) -> Located | None:
        found = self._find(workspace, slug)
        if found is None:
            return None
        secrets = dict(self._secrets.get(found.id, {}))
        return Located(_kept(found), self._boxes.get(found.id), secrets)

    def _find(self, workspace: str, slug: str) -> Project | None:
        for project in self._projects.values():
            if project.workspace == workspace and project.slug == slug:
                return project
        return None

    def _keep_apart(self, value: Box) -> None:
        for other in self._boxes.values():
            if other.box_id == value.box_id and other.project_id != value.project_id:
                raise refusals.box_taken(value.box_id)


def _kept(project: Project) -> Project:
    """With an env of its own: what the caller changes later is not the store's."""
    return replace(project, env=dict(project.env))
