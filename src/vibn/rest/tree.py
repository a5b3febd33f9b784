"""What lies in a box's /workspace: listed, looked at, moved, made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from vibn.outcomes import FileInfo, FileList
from vibn.rest.documented import problems
from vibn.rest.params import Body, BoxPath, Depth, Entries, ProjectSlug, Shown, path_schema
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer
from vibn.services.calls import Purpose

router = APIRouter(prefix="/api/v1/projects/{project}", route_class=StrictRoute, tags=["files"])

TREE = Purpose("files.tree")
STAT = Purpose("files.stat")
MOVE = Purpose("files.move", writes=True)
MKDIR = Purpose("files.mkdir", writes=True)

PathAsked = Annotated[str, Query(json_schema_extra=path_schema("Beneath /workspace."))]


class Move(Body):
    path: BoxPath
    to: BoxPath
    overwrite: bool = False


class Mkdir(Body):
    path: BoxPath


class Moved(Shown):
    path: str


class Made(Shown):
    created: bool


@router.get("/tree", response_model=FileList, responses=problems(box=True))
async def list_files(
    visit: Visiting,
    project: ProjectSlug,
    path: PathAsked = ".",
    depth: Annotated[Depth, Query()] = 1,
    limit: Annotated[Entries, Query()] = 1000,
) -> Response:
    """What lies beneath a directory, by path."""
    async with visit.call(TREE, project, {"depth": depth, "limit": limit}, (path,)) as call:
        found = await call.files.list(call.workspace, project, path, depth=depth, limit=limit)
        return answer(found, call)


@router.get("/stat", response_model=FileInfo, responses=problems(box=True))
async def stat_file(visit: Visiting, project: ProjectSlug, path: PathAsked) -> Response:
    """One file, directory or link."""
    async with visit.call(STAT, project, paths=(path,)) as call:
        return answer(await call.files.stat(call.workspace, project, path), call)


@router.post("/move", response_model=Moved, responses=problems(box=True))
async def move_file(visit: Visiting, project: ProjectSlug, body: Move) -> Response:
    """Move or rename; directories on the way are made."""
    asked = {"overwrite": body.overwrite}
    async with visit.call(MOVE, project, asked, (body.path, body.to)) as call:
        path = await call.files.move(
            call.workspace, project, body.path, body.to, overwrite=body.overwrite
        )
        return answer(Moved(path=path), call)


@router.post("/mkdir", response_model=Made, responses=problems(box=True))
async def make_directory(visit: Visiting, project: ProjectSlug, body: Mkdir) -> Response:
    """Make a directory and those above it. One that is there is no error."""
    async with visit.call(MKDIR, project, paths=(body.path,)) as call:
        created = await call.files.mkdir(call.workspace, project, body.path)
        return answer(Made(created=created), call)
