"""Projects: listed, made, configured, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from vibn.models import Box, BoxState, Limits, Project, Seed, Tier
from vibn.rest.documented import problems
from vibn.rest.limits import LimitsGiven
from vibn.rest.params import Body, ProjectSlug, Shown, Slug
from vibn.rest.route import StrictRoute
from vibn.rest.variables import Changes, Variables
from vibn.rest.visit import Visit, Visiting, answer, nothing
from vibn.services.calls import Call, Purpose
from vibn.services.life.status import describe

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["projects"])

LIST = Purpose("projects.list", box=False)
CREATE = Purpose("projects.create", writes=True, box=False, workspace_wide=True)
GET = Purpose("projects.get", box=False)
CHANGE = Purpose("projects.change", writes=True, box=False)
LIMIT = Purpose("projects.change", writes=True, box=False, workspace_wide=True)
DELETE = Purpose("projects.delete", writes=True)

Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class SeedGiven(Body):
    """A git repository whose files a new box begins with, fetched from inside of it."""

    url: Annotated[str, Field(max_length=2000, pattern=r"^[^-\x00][^\x00]*:[^\x00]*$")]
    ref: Annotated[str, Field(max_length=200, pattern=r"^([^-\x00][^\x00]*)?$")] = ""

    def seed(self) -> Seed:
        return Seed(url=self.url, ref=self.ref)


class NewProject(Body):
    slug: Slug
    name: Name = ""
    env: Variables | None = None
    limits: LimitsGiven | None = None
    seed: SeedGiven | None = None


class ProjectChange(Body):
    """What is left out stays. ``env`` sets variables, null removes one."""

    env: Changes | None = None
    limits: LimitsGiven | None = None
    seed: SeedGiven | None = None


class BoxShown(Shown):
    state: BoxState
    tier: Tier | None
    image: str
    line: str
    reason: str
    last_active_at: datetime | None
    suspended_at: datetime | None


class SeedShown(Shown):
    url: str
    ref: str


class ProjectShown(Shown):
    slug: str
    name: str
    workspace: str
    created_at: datetime
    env: Mapping[str, str]
    limits: Limits | None
    seed: SeedShown | None
    box: BoxShown
    dev_servers: tuple[()] = ()


class ProjectList(Shown):
    projects: tuple[ProjectShown, ...]


def shown(project: Project, box: Box | None) -> ProjectShown:
    seed = project.seed
    return ProjectShown(
        slug=project.slug,
        name=project.name,
        workspace=project.workspace,
        created_at=project.created_at,
        env=project.env,
        limits=project.limits,
        # The path of an archive is this host's own.
        seed=SeedShown(url=seed.url, ref=seed.ref) if seed and seed.url else None,
        box=_box(box),
    )


def _box(row: Box | None) -> BoxShown:
    status = describe(row)
    return BoxShown(
        state=status.state,
        tier=status.tier,
        image=status.image,
        line=status.line,
        reason=status.reason,
        last_active_at=status.last_active_at,
        suspended_at=status.suspended_at,
    )


async def _located(visit: Visit, call: Call) -> ProjectShown:
    located = await visit.deps.store.locate(call.workspace, call.project)
    return shown(located.project, located.box)


@router.get("/projects", response_model=ProjectList, responses=problems())
async def list_projects(visit: Visiting) -> Response:
    """The projects that the token reaches, with the state of their boxes."""
    async with visit.call(LIST) as call:
        if call.located is not None:
            own = call.located
            return answer(ProjectList(projects=(shown(own.project, own.box),)), call)
        rows = [] if call.token.project_id else await call.projects.overview(call.workspace)
        return answer(ProjectList(projects=tuple(shown(*row) for row in rows)), call)


@router.post("/projects", status_code=201, response_model=ProjectShown, responses=problems(409))
async def create_project(visit: Visiting, body: NewProject) -> Response:
    """Make a project. Its box comes with the first call that needs one."""
    async with visit.call(CREATE, arguments=body.model_dump()) as call:
        project = await call.projects.create(
            call.workspace,
            body.slug,
            body.name,
            body.env,
            body.limits.over(visit.deps.limits, visit.deps.limits) if body.limits else None,
            body.seed.seed() if body.seed else None,
        )
        return answer(shown(project, None), call, status=201)


@router.get("/projects/{project}", response_model=ProjectShown, responses=problems())
async def get_project(visit: Visiting, project: ProjectSlug) -> Response:
    """One project."""
    async with visit.call(GET, project) as call:
        assert call.located is not None
        return answer(shown(call.located.project, call.located.box), call)


@router.patch("/projects/{project}", response_model=ProjectShown, responses=problems())
async def change_project(visit: Visiting, project: ProjectSlug, body: ProjectChange) -> Response:
    """Change what is given. ``limits`` count when the box is made the next time, and only a
    token of the whole workspace may set them, up to the installation's; ``seed`` is for a box
    that has no files yet."""
    purpose = LIMIT if body.limits else CHANGE
    async with visit.call(purpose, project, arguments=body.model_dump()) as call:
        assert call.located is not None
        projects, where = call.projects, (call.workspace, project)
        if body.env:
            await projects.set_env(*where, body.env)
        if body.limits:
            base = call.located.project.limits or visit.deps.limits
            await projects.set_limits(*where, body.limits.over(base, visit.deps.limits))
        if body.seed:
            await projects.set_seed(*where, body.seed.seed())
        return answer(await _located(visit, call), call)


@router.delete("/projects/{project}", status_code=204, responses=problems(box=True))
async def delete_project(visit: Visiting, project: ProjectSlug) -> Response:
    """Delete the project, its box and all its files, for good."""
    async with visit.call(DELETE, project) as call:
        await call.projects.delete(call.workspace, project)
        return nothing()
