"""The bytes of files, by streams in both directions."""

from __future__ import annotations

from email.utils import formatdate
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import WithJsonSchema
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import Response

from vibn.errors import HashMismatch, InvalidInput
from vibn.outcomes import WriteResult
from vibn.problem import problem
from vibn.rest.documented import BYTES, Responses, content, problem_of, problems, takes
from vibn.rest.etags import etag, expected_in, is_exclusive, is_known
from vibn.rest.params import Flag, ProjectSlug, Shown, path_schema
from vibn.rest.ranges import Asked, Unsatisfiable, asked_in
from vibn.rest.route import StrictRoute
from vibn.rest.streamed import Outlet, Streamed
from vibn.rest.upload import pieces
from vibn.rest.visit import Visit, Visiting, answer, length_of
from vibn.services.calls import Call, Purpose
from vibn.services.download import Download


class _FileConvertor(PathConvertor):
    """As ``path``, but a name may hold a line break too."""

    regex = "(?s:.*)"


register_url_convertor("file", _FileConvertor())

router = APIRouter(
    prefix="/api/v1/projects/{project}/files", route_class=StrictRoute, tags=["files"]
)

DOWNLOAD = Purpose("files.download")
UPLOAD = Purpose("files.upload", writes=True)
DELETE = Purpose("files.delete", writes=True)
OCTETS = "application/octet-stream"

_LATEST = 253402300799
"""The last second of the year 9999."""

FilePath = Annotated[str, Path(json_schema_extra=path_schema("Beneath /workspace."))]


class Removed(Shown):
    removed: int


class _Reading:
    """One GET or HEAD of a file."""

    def __init__(self, visit: Visit, project: str, path: str) -> None:
        self._visit = visit
        self._project = project
        self._path = path
        self._headers = visit.request.headers
        self._bodyless = visit.request.method == "HEAD"

    async def make(self, outlet: Outlet) -> Response | None:
        async with self._visit.stream(DOWNLOAD, self._project, paths=(self._path,)) as call:
            try:
                return await self._answer(call, outlet)
            finally:
                call.sent(outlet.size)

    async def _answer(self, call: Call, outlet: Outlet) -> Response | None:
        asked = asked_in(self._headers.get("range"))
        start = await self._start(call, asked)
        download = await call.files.download(call.workspace, self._project, self._path, start)
        described = _described(download)
        tag = described.get("ETag")
        if tag is not None and is_known(self._headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=described)
        if asked is None:
            await self._send(outlet, download, 200, described, download.size)
            return None
        try:
            start, stop = asked.within(download.size)
        except Unsatisfiable:
            return _unsatisfiable(download.size)
        described["Content-Range"] = f"bytes {start}-{stop - 1}/{download.size}"
        await self._send(outlet, download, 206, described, stop - start)
        return None

    async def _start(self, call: Call, asked: Asked | None) -> int:
        """Where to read from; counted from the end it takes a look at the size."""
        if asked is None:
            return 0
        if asked.first is not None:
            return asked.first
        size = (await call.files.stat(call.workspace, self._project, self._path)).size
        return max(0, size - (asked.last or 0))

    async def _send(
        self, outlet: Outlet, download: Download, status: int, headers: dict[str, str], size: int
    ) -> None:
        length = {"Content-Length": str(size), "Content-Type": OCTETS}
        await outlet.begin(status, {**headers, **length})
        if self._bodyless:
            return
        left = size
        async for piece in download.pieces(size):
            await outlet.write(piece)
            left -= len(piece)
        if left:
            raise HashMismatch("The file became shorter while it was read.")


def _described(download: Download) -> dict[str, str]:
    headers = {
        "Accept-Ranges": "bytes",
        "Last-Modified": formatdate(min(max(download.mtime, 0), _LATEST), usegmt=True),
        "Cache-Control": "no-cache",
        # What lies in a box is never a page of this server.
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "attachment",
    }
    if download.sha256 is not None:
        headers["ETag"] = etag(download.sha256)
    return headers


def _unsatisfiable(size: int) -> Response:
    error = InvalidInput(f"The file has {size} bytes; nothing of that range is in it.")
    return problem(error, {"Content-Range": f"bytes */{size}"}, status=416)


_READ: Responses = {
    200: content("The bytes.", {OCTETS: BYTES}),
    206: content("The range of them that was asked for.", {OCTETS: BYTES}),
    304: {"description": "The content is what If-None-Match names."},
    416: problem_of("Nothing of the range is in the file."),
    **problems(box=True),
}
_text = WithJsonSchema({"type": "string"})
_star = WithJsonSchema({"type": "string", "enum": ["*"]})
_tag = WithJsonSchema({"type": "string", "pattern": '^"[0-9a-f]{64}"$'})
Range = Annotated[str | None, _text, Header(description="One range, such as bytes=0-99.")]
IfNoneMatch = Annotated[str | None, _text, Header(description="ETags that the client has.")]
Exclusive = Annotated[str | None, _star, Header()]
IfMatch = Annotated[str | None, _tag, Header()]


@router.get("/{path:file}", response_class=Response, responses=_READ)
async def download_file(
    visit: Visiting,
    project: ProjectSlug,
    path: FilePath,
    range: Range = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The bytes of a file. Small ones have their SHA-256 as ETag."""
    del range, if_none_match  # declared for the document; the headers are read as they came
    return Streamed(_Reading(visit, project, path).make)


@router.head("/{path:file}", response_class=Response, responses=_READ)
async def describe_file(
    visit: Visiting,
    project: ProjectSlug,
    path: FilePath,
    range: Range = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The headers of the same GET."""
    del range, if_none_match
    return Streamed(_Reading(visit, project, path).make)


@router.put(
    "/{path:file}",
    response_model=WriteResult,
    responses={
        200: {"description": "Replaced."},
        201: {"model": WriteResult, "description": "Made."},
        **problems(box=True),
    },
    openapi_extra=takes(OCTETS, "The content, of any size."),
)
async def upload_file(
    visit: Visiting,
    project: ProjectSlug,
    path: FilePath,
    if_match: IfMatch = None,
    if_none_match: Exclusive = None,
) -> Response:
    """Make or replace a file as a whole; others see the old or the new content. ``If-Match``: only
    if that is its content now; ``If-None-Match: *``: only if it is not there."""
    async with visit.receiving(UPLOAD, project, (path,)) as call:
        result = await call.files.upload(
            call.workspace,
            project,
            path,
            pieces(visit.request, call.took),
            size=length_of(visit.request),
            expect_sha256=expected_in(if_match),
            exclusive=is_exclusive(if_none_match),
        )
        made = answer(result, call, status=201 if result.created else 200)
        made.headers["ETag"] = etag(result.sha256)
        return made


@router.delete("/{path:file}", response_model=Removed, responses=problems(box=True))
async def delete_file(
    visit: Visiting,
    project: ProjectSlug,
    path: FilePath,
    recursive: Annotated[Flag, Query()] = False,
) -> Response:
    """Delete a file, or a directory with ``recursive``."""
    async with visit.call(DELETE, project, {"recursive": recursive}, (path,)) as call:
        removed = await call.files.delete(call.workspace, project, path, recursive=recursive)
        return answer(Removed(removed=removed), call)
