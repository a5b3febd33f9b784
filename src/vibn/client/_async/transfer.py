"""Files and directories between this machine and the box, by streams."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import IO

from vibn.client._async.link import AsyncLink
from vibn.client.decode import decode
from vibn.client.landing import land, landing_file
from vibn.client.packing import measured, packed
from vibn.client.problem import ended_early
from vibn.client.request import STARTING, Request, file_path
from vibn.client.values import FileInfo, FileType, Packed
from vibn.client.wires.asynchronous import (
    AsyncOnProgress,
    async_aside,
    async_pieces_of,
    async_tell,
)
from vibn.errors import InvalidInput


class AsyncTransfer:
    def __init__(self, link: AsyncLink, project: str) -> None:
        """``project`` is its address."""
        self._link = link
        self._project = project

    async def upload(self, local: Path, path: str, hears: AsyncOnProgress | None) -> Packed:
        """Raises FileMissing for ``local``, Conflict when it changes meanwhile."""
        there = await async_aside(measured, local)
        into, name = (path, "") if local.is_dir() else _split(path)
        pieces = self._told(async_pieces_of(packed(local, name)), there.bytes, hears)
        request = Request(
            "PUT",
            f"{self._project}/archive",
            {"path": into},
            headers={"Content-Type": "application/x-tar"},
            deadline=None,
            silence=STARTING,
        )
        return decode(Packed, await self._link.send(request, pieces))

    async def download(self, path: str, local: Path, hears: AsyncOnProgress | None) -> Packed:
        """Raises FileMissing for ``path``, PathOutside for what would land elsewhere."""
        request = Request("GET", f"{self._project}/stat", {"path": path}, repeatable=True)
        info = decode(FileInfo, await self._link.call(request))
        if info.type is FileType.FILE:
            return await self._download_file(path, local, info.mode, hears)
        if info.type is FileType.DIR:
            return await self._download_directory(path, local, hears)
        raise InvalidInput(
            f"{path} is neither a file nor a directory.", hint="Name what the link leads to."
        )

    async def _download_file(
        self, path: str, local: Path, mode: int, hears: AsyncOnProgress | None
    ) -> Packed:
        request = self._stream(f"/files/{file_path(path)}", {})
        with landing_file(local, mode) as file:
            return Packed(1, await self._save(request, file, hears))

    async def _download_directory(
        self, path: str, local: Path, hears: AsyncOnProgress | None
    ) -> Packed:
        """By way of a temporary file: it is looked at before anything lands."""
        with tempfile.TemporaryFile() as file:
            await self._save(self._stream("/archive", {"path": path}), file, hears)
            file.seek(0)
            return await async_aside(land, file, local)

    def _stream(self, path: str, query: dict[str, str | int | bool | None]) -> Request:
        return Request("GET", self._project + path, query, deadline=None, silence=STARTING)

    async def _save(self, request: Request, file: IO[bytes], hears: AsyncOnProgress | None) -> int:
        """Raises ServerUnreachable when it ends before all of it came."""
        done = 0
        async with self._link.open(request) as answer:
            async for piece in self._told(answer.pieces, answer.size, hears):
                await async_aside(file.write, piece)
                done += len(piece)
            if answer.size is not None and done < answer.size:
                raise ended_early(self._link.endpoint.url)
        return done

    async def _told(
        self, pieces: AsyncIterator[bytes], size: int | None, hears: AsyncOnProgress | None
    ) -> AsyncIterator[bytes]:
        done = 0
        async for piece in pieces:
            yield piece
            done += len(piece)
            if hears is not None:
                await async_tell(hears, done if size is None else min(done, size), size)


def _split(path: str) -> tuple[str, str]:
    """The directory and the name. Raises InvalidInput."""
    there = PurePosixPath(path)
    if not there.name or path.endswith("/") or there.name == "..":
        raise InvalidInput(f"{path!r} names no file.", hint="Name the file, not its directory.")
    return str(there.parent), there.name
