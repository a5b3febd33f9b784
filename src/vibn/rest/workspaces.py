"""Workspaces: made and deleted by operators; a token sees its own."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from vibn.models import Workspace
from vibn.rest.documented import problems
from vibn.rest.params import Body, Shown, Slug, WorkspaceSlug
from vibn.rest.projects import Name
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer, nothing
from vibn.services.calls import Purpose
from vibn.store.refusals import no_workspace

router = APIRouter(prefix="/api/v1/workspaces", route_class=StrictRoute, tags=["workspaces"])

LIST = Purpose("workspaces.list", box=False)
GET = Purpose("workspaces.get", box=False)


class NewWorkspace(Body):
    slug: Slug
    name: Name = ""


class WorkspaceShown(Shown):
    slug: str
    name: str
    created_at: datetime


class WorkspaceList(Shown):
    workspaces: tuple[WorkspaceShown, ...]


def _shown(workspace: Workspace) -> WorkspaceShown:
    return WorkspaceShown(slug=workspace.slug, name=workspace.name, created_at=workspace.created_at)


@router.get("", response_model=WorkspaceList, responses=problems())
async def list_workspaces(visit: Visiting) -> Response:
    """All for the admin secret; its own for a token."""
    store = visit.deps.store
    if visit.is_admin:
        async with visit.administer(LIST.name):
            found = await store.workspaces()
    else:
        async with visit.call(LIST) as call:
            found = [await store.workspace(call.workspace)]
    return answer(WorkspaceList(workspaces=tuple(_shown(one) for one in found)))


@router.post("", status_code=201, response_model=WorkspaceShown, responses=problems(409))
async def create_workspace(visit: Visiting, body: NewWorkspace) -> Response:
    """Make a workspace. Admin secret."""
    async with visit.administer("workspaces.create", body.model_dump(), workspace=body.slug):
        made = await visit.deps.projects.create_workspace(body.slug, body.name)
        return answer(_shown(made), status=201)


@router.get("/{workspace}", response_model=WorkspaceShown, responses=problems())
async def get_workspace(visit: Visiting, workspace: WorkspaceSlug) -> Response:
    """One workspace: any for the admin secret, its own for a token."""
    store = visit.deps.store
    if visit.is_admin:
        async with visit.administer(GET.name, workspace=workspace):
            return answer(_shown(await store.workspace(workspace)))
    async with visit.call(GET) as call:
        if call.workspace != workspace:
            raise no_workspace(workspace)
        return answer(_shown(await store.workspace(workspace)), call)


@router.delete("/{workspace}", status_code=204, responses=problems(409))
async def delete_workspace(visit: Visiting, workspace: WorkspaceSlug) -> Response:
    """Delete a workspace that has no projects; its tokens go with it. Admin secret."""
    async with visit.administer("workspaces.delete", workspace=workspace):
        await visit.deps.store.delete_workspace(workspace)
        return nothing()
