"""Files beneath /workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from vibn.client._async.link import AsyncLink
from vibn.client._async.transfer import AsyncTransfer
from vibn.client.decode import decode, items, member
from vibn.client.problem import ended_early, raise_told
from vibn.client.request import SILENCE, STARTING, Request, file_path, segment
from vibn.client.sse import Event
from vibn.client.values import Change, Edited, FileInfo, Found, Listing, Matches, Packed, Written
from vibn.client.wires.asynchronous import AsyncOnProgress
from vibn.errors import NotText

T = TypeVar("T")


class AsyncFiles:
    """Paths are relative to /workspace, or begin with ``/workspace/``; what leads out of it is
    refused with PathOutside."""

    def __init__(self, link: AsyncLink, project: str) -> None:
        self._link = link
        self._project = f"/projects/{segment(project)}"
        self._transfer = AsyncTransfer(link, self._project)

    async def read(self, path: str) -> str:
        """The whole file as text. Raises FileMissing, and NotText for what is not UTF-8."""
        data = await self.read_bytes(path)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise NotText(f"{path} is not UTF-8 text.", hint="Use read_bytes.") from error

    async def read_bytes(self, path: str, *, offset: int = 0, limit: int | None = None) -> bytes:
        """The file, or ``limit`` bytes of it from ``offset``. Raises FileMissing."""
        request = Request("GET", self._file(path), deadline=None, silence=STARTING)
        if limit == 0:
            await self.stat(path)
            return b""
        if offset or limit is not None:
            last = "" if limit is None else offset + limit - 1
            asked = {"Range": f"bytes={offset}-{last}"}
            request = replace(request, headers=asked, also=frozenset({416}))
        data = bytearray()
        async with self._link.open(request) as answer:
            if answer.status == 416:
                return b""
            async for piece in answer.pieces:
                data += piece
        return bytes(data)

    async def write(
        self,
        path: str,
        data: str | bytes,
        *,
        expect_sha256: str | None = None,
        exclusive: bool = False,
    ) -> Written:
        """The whole file; directories on the way are made. With ``expect_sha256`` only while it
        still holds that (HashMismatch), with ``exclusive`` only when there is none
        (AlreadyExists)."""
        headers = {"Content-Type": "application/octet-stream"}
        if expect_sha256 is not None:
            headers["If-Match"] = f'"{expect_sha256}"'
        if exclusive:
            headers["If-None-Match"] = "*"
        request = Request(
            "PUT",
            self._file(path),
            content=data.encode() if isinstance(data, str) else data,
            headers=headers,
            repeatable=expect_sha256 is None and not exclusive,
            deadline=STARTING,
        )
        return decode(Written, await self._link.call(request))

    async def edit(self, path: str, old: str, new: str, *, replace_all: bool = False) -> Edited:
        """Replace ``old``, which must occur once unless ``replace_all``. Raises EditNoMatch with
        the nearest lines, EditAmbiguous."""
        arguments = {"file_path": path, "old_string": old, "new_string": new}
        return await self._tool(Edited, "fs_edit", {**arguments, "replace_all": replace_all})

    async def list(self, path: str = ".", *, depth: int = 1, limit: int = 1000) -> Listing:
        """What lies beneath a directory, by path."""
        query: dict[str, str | int] = {"path": path, "depth": depth, "limit": limit}
        return decode(Listing, await self._link.call(self._look("/tree", query)))

    async def stat(self, path: str) -> FileInfo:
        """Raises FileMissing."""
        return decode(FileInfo, await self._link.call(self._look("/stat", {"path": path})))

    async def delete(self, path: str, *, recursive: bool = False) -> int:
        """Answers how many files and directories are gone. Raises FileMissing, and Conflict for
        a directory that holds something unless ``recursive``."""
        query = {"recursive": True if recursive else None}
        request = Request("DELETE", self._file(path), query, deadline=STARTING)
        removed = member(await self._link.call(request), "removed")
        return removed if isinstance(removed, int) else 0

    async def move(self, path: str, to: str, *, overwrite: bool = False) -> None:
        """Raises FileMissing, and AlreadyExists unless ``overwrite``."""
        body = {"path": path, "to": to, "overwrite": overwrite}
        await self._link.call(self._change("/move", body))

    async def mkdir(self, path: str) -> bool:
        """The directory and those above it; whether this call made it."""
        made = member(await self._link.call(self._change("/mkdir", {"path": path})), "created")
        return made is True

    async def glob(self, pattern: str, path: str = ".", *, limit: int = 1000) -> tuple[Found, ...]:
        """Files whose path matches, such as ``**/*.py``, the newest first; without what
        .gitignore names."""
        arguments = {"pattern": pattern, "path": path, "limit": limit}
        return items(Found, await self._result("fs_glob", arguments), "files")

    async def grep(
        self,
        pattern: str,
        path: str = ".",
        *,
        include: str = "",
        ignore_case: bool = False,
        context: int = 0,
        limit: int = 200,
    ) -> Matches:
        """Lines that match a regular expression, in files that ``include`` matches."""
        arguments: dict[str, object] = {"pattern": pattern, "path": path, "context": context}
        arguments |= {"include": include, "ignore_case": ignore_case, "limit": limit}
        return await self._tool(Matches, "fs_grep", {**arguments, "output_mode": "content"})

    @asynccontextmanager
    async def watch(self, path: str = ".") -> AsyncIterator[AsyncIterator[Change]]:
        """Changes beneath ``path`` as they happen. The watch is in place when the block begins::

        async with box.files.watch("src") as changes:
            async for change in changes:
                print(change.kind, change.path)
        """
        request = Request(
            "GET",
            f"{self._project}/watch",
            {"path": path},
            deadline=None,
            silence=SILENCE,
        )
        async with self._link.events(request) as events:
            if await anext(events, None) is None:
                raise ended_early(self._link.endpoint.url)
            yield self._changes(events)

    async def upload(
        self, local: str | Path, path: str, *, on_progress: AsyncOnProgress | None = None
    ) -> Packed:
        """A local file to the file ``path``, or a local directory into the directory ``path``."""
        return await self._transfer.upload(Path(local), path, on_progress)

    async def download(
        self, path: str, local: str | Path, *, on_progress: AsyncOnProgress | None = None
    ) -> Packed:
        """The file ``path`` to the local file, or the directory ``path`` into the local directory.
        What would land outside of it, or is neither file, directory nor link, is refused."""
        return await self._transfer.download(path, Path(local), on_progress)

    async def _changes(self, events: AsyncIterator[Event]) -> AsyncIterator[Change]:
        async for event in events:
            raise_told(event)
            for change in items(Change, event.data, "changes"):
                yield change
        raise ended_early(self._link.endpoint.url)

    async def _tool(self, cls: type[T], name: str, arguments: dict[str, object]) -> T:
        return decode(cls, await self._result(name, arguments))

    async def _result(self, name: str, arguments: dict[str, object]) -> object:
        request = self._change(f"/tools/{name}", arguments)
        return member(await self._link.call(request), "result")

    def _file(self, path: str) -> str:
        return f"{self._project}/files/{file_path(path)}"

    def _look(self, path: str, query: Mapping[str, str | int]) -> Request:
        return Request("GET", self._project + path, query, repeatable=True, deadline=STARTING)

    def _change(self, path: str, body: dict[str, object]) -> Request:
        return Request("POST", self._project + path, body=body, deadline=STARTING)
