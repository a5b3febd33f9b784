"""Whole directories as tar streams, in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from vibn.outcomes import Unpacked
from vibn.rest.documented import BYTES, content, problems, takes
from vibn.rest.params import ProjectSlug, Strip
from vibn.rest.route import StrictRoute
from vibn.rest.streamed import Outlet, Streamed
from vibn.rest.tree import PathAsked
from vibn.rest.upload import pieces
from vibn.rest.visit import Visit, Visiting, answer
from vibn.services.calls import Call, Purpose

router = APIRouter(prefix="/api/v1/projects/{project}", route_class=StrictRoute, tags=["files"])

PACK = Purpose("archive.download")
UNPACK = Purpose("archive.upload", writes=True)
TAR = "application/x-tar"


@router.get(
    "/archive",
    response_class=Response,
    responses={200: content("A tar.", {TAR: BYTES}), **problems(box=True)},
)
async def download_archive(
    visit: Visiting, project: ProjectSlug, path: PathAsked = "."
) -> Response:
    """A directory, or one file, as a tar."""
    return Streamed(lambda outlet: _packed(visit, project, path, outlet))


async def _packed(visit: Visit, project: str, path: str, outlet: Outlet) -> None:
    async with visit.stream(PACK, project, paths=(path,)) as call:
        try:
            async with await call.files.pack(call.workspace, project, path) as packing:
                await _sent(packing, outlet)
        finally:
            call.sent(outlet.size)


async def _sent(packing: AsyncIterator[bytes], outlet: Outlet) -> None:
    """It begins with the first piece: until then what is wrong is told with its status."""
    async for piece in packing:
        if not outlet.begun:
            await outlet.begin(200, {"Content-Type": TAR, "X-Content-Type-Options": "nosniff"})
        await outlet.write(piece)


@router.put(
    "/archive",
    response_model=Unpacked,
    responses=problems(box=True),
    openapi_extra=takes(TAR, "A tar, plain or gzip, of any size."),
)
async def upload_archive(
    visit: Visiting,
    project: ProjectSlug,
    path: PathAsked = ".",
    strip: Annotated[Strip, Query()] = 0,
) -> Response:
    """Unpack a tar beneath ``path``, without the first ``strip`` parts of its paths."""
    async with visit.receiving(UNPACK, project, (path,)) as call:
        return answer(await _unpacked(call, project, path, strip, visit), call)


async def _unpacked(call: Call, project: str, path: str, strip: int, visit: Visit) -> Unpacked:
    return await call.files.unpack(
        call.workspace, project, pieces(visit.request, call.took), path, strip=strip
    )
