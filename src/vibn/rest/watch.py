"""Changes of files, as they happen."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from vibn.outcomes import FileChange
from vibn.rest.documented import problems, told
from vibn.rest.events import Events, event_stream
from vibn.rest.params import ProjectSlug, Shown
from vibn.rest.route import StrictRoute
from vibn.rest.tree import PathAsked
from vibn.rest.visit import Visit, Visiting, encoded
from vibn.services.calls import Purpose

router = APIRouter(prefix="/api/v1/projects/{project}", route_class=StrictRoute, tags=["files"])

WATCH = Purpose("files.watch")


class Changes(Shown):
    changes: tuple[FileChange, ...]


@router.get(
    "/watch",
    response_class=Response,
    responses={200: told("change", "error"), **problems(box=True)},
)
async def watch_files(visit: Visiting, project: ProjectSlug, path: PathAsked = ".") -> Response:
    """Events ``change`` (``{"changes": [{"kind", "path"}]}``) until the client leaves. The first
    one is empty: the watch is in place."""
    return event_stream(lambda events: _watched(visit, project, path, events))


async def _watched(visit: Visit, project: str, path: str, events: Events) -> None:
    async with visit.stream(WATCH, project, paths=(path,)) as call:
        try:
            async with await call.files.watch(call.workspace, project, path) as watching:
                async for changes in watching:
                    await events.tell("change", encoded(Changes(changes=changes)))
        finally:
            call.sent(events.size)
