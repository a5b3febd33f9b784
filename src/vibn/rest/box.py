"""A project's dev container: its state, and the steps of its life."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from vibn.models import Tier
from vibn.outcomes import BoxInfo
from vibn.rest.documented import problems
from vibn.rest.params import Body, Flag, ProjectSlug
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer, nothing
from vibn.services.calls import Purpose
from vibn.services.life.status import BoxStatus, Ensured

router = APIRouter(prefix="/api/v1/projects/{project}", route_class=StrictRoute, tags=["box"])

STATUS = Purpose("box.status")
ENSURE = Purpose("box.ensure", writes=True)
SUSPEND = Purpose("box.suspend", writes=True)
RESUME = Purpose("box.resume", writes=True)
RECREATE = Purpose("box.recreate", writes=True)
DELETE = Purpose("box.delete", writes=True)
INFO = Purpose("box.info")


class Ensure(Body):
    """``start`` false: make it, but leave it asleep."""

    start: bool = True


class Suspend(Body):
    """``frozen`` keeps memory and processes, ``stopped`` the files alone."""

    tier: Literal["stopped", "frozen"] = "stopped"


class Resume(Body):
    """Nothing to say."""


class Recreate(Body):
    """Nothing: the image is the installation's, for a caller could else name any that the engine
    holds."""


@router.get("/box", response_model=BoxStatus, responses=problems(box=True))
async def get_box(
    visit: Visiting, project: ProjectSlug, live: Annotated[Flag, Query()] = False
) -> Response:
    """What is known of the box, without waking it. ``live`` asks the runtime too."""
    async with visit.call(STATUS, project, {"live": live}) as call:
        return answer(await call.boxes.status(call.workspace, project, live), call)


@router.delete("/box", status_code=204, responses=problems(box=True))
async def delete_box(visit: Visiting, project: ProjectSlug) -> Response:
    """Remove the container; its files stay, and the next call makes a new one on them."""
    async with visit.call(DELETE, project) as call:
        await call.boxes.delete(call.workspace, project, volumes=False)
        return nothing()


@router.post("/box/ensure", response_model=Ensured, responses=problems(box=True))
async def ensure_box(visit: Visiting, project: ProjectSlug, body: Ensure) -> Response:
    """Make or wake the box; safe to call at any time."""
    async with visit.call(ENSURE, project, body.model_dump()) as call:
        return answer(await call.boxes.ensure(call.workspace, project, body.start), call)


@router.post("/box/suspend", response_model=BoxStatus, responses=problems(box=True))
async def suspend_box(visit: Visiting, project: ProjectSlug, body: Suspend) -> Response:
    """Put the box to sleep."""
    async with visit.call(SUSPEND, project, body.model_dump()) as call:
        return answer(await call.boxes.suspend(call.workspace, project, Tier(body.tier)), call)


@router.post("/box/resume", response_model=Ensured, responses=problems(box=True))
async def resume_box(visit: Visiting, project: ProjectSlug, _: Resume) -> Response:
    """Wake the box. Other calls do so by themselves."""
    async with visit.call(RESUME, project) as call:
        return answer(await call.boxes.resume(call.workspace, project), call)


@router.post("/box/recreate", response_model=Ensured, responses=problems(box=True))
async def recreate_box(visit: Visiting, project: ProjectSlug, _: Recreate) -> Response:
    """Make the container anew on the installation's image, with the same files."""
    async with visit.call(RECREATE, project) as call:
        return answer(await call.boxes.recreate(call.workspace, project), call)


@router.get("/box/info", response_model=BoxInfo, responses=problems(box=True))
async def box_info(visit: Visiting, project: ProjectSlug) -> Response:
    """A live look from inside the box, which wakes it: use, limits, ports."""
    async with visit.call(INFO, project) as call:
        assert call.located is not None
        inside = await call.boxes.enter_located(call.located)
        return answer(await inside.client.info(), call)
