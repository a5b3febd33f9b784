"""Files of a project's dev container, beneath /workspace.

Text reads give at most 2,000 lines of at most 2,000 characters; a whole-file write takes at most
16 MiB here (larger files go by streams). All work happens in the box, as the box's user.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass

from vibn.channel import AgentClient, Packing, Watching
from vibn.errors import InvalidInput, TooLarge
from vibn.outcomes import (
    EditResult,
    FileBytes,
    FileInfo,
    FileList,
    GlobResult,
    GrepMode,
    GrepResult,
    TextLines,
    Unpacked,
    WriteResult,
)
from vibn.services.disk import DiskGauge
from vibn.services.download import Download
from vibn.services.life.way import Way

LINES = 2000
WIDTH = 2000
MAX_WRITE = 16 * 1024 * 1024
MAX_READ = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Lines of a text file. ``numbered`` is how a model reads them."""

    lines: TextLines

    def numbered(self) -> str:
        """Each line as ``cat -n`` shows it."""
        text = self.lines.text.removesuffix("\n")
        if not text and self.lines.end < self.lines.start:
            return ""
        rows = text.split("\n")
        return "\n".join(f"{n:6}\t{row}" for n, row in enumerate(rows, self.lines.start))


class Files:
    def __init__(self, way: Way, gauge: DiskGauge) -> None:
        self._way = way
        self._gauge = gauge

    async def read(
        self, workspace: str, project: str, file_path: str, *, offset: int = 1, limit: int = LINES
    ) -> ReadResult:
        """``limit`` lines from line ``offset`` (counted from 1). NotText for what is not UTF-8."""
        if offset < 1 or limit < 1:
            raise InvalidInput("offset and limit count lines from 1.")
        client = await self._agent(workspace, project)
        return ReadResult(await client.fs_lines(file_path, offset, limit, width=WIDTH))

    async def read_bytes(
        self,
        workspace: str,
        project: str,
        file_path: str,
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> FileBytes:
        """Bytes of any file, at most 16 MiB at once."""
        client = await self._agent(workspace, project)
        return await client.fs_read(file_path, offset, limit, max=MAX_READ)

    async def download(self, workspace: str, project: str, path: str, start: int = 0) -> Download:
        """The bytes of a file of any size from ``start``, as a stream. Raises what a read of its
        first piece does: FileMissing, PathOutside, InvalidInput for a directory."""
        return await Download.open(await self._agent(workspace, project), path, start)

    async def write(
        self,
        workspace: str,
        project: str,
        file_path: str,
        content: str | bytes,
        *,
        expect_sha256: str | None = None,
    ) -> WriteResult:
        """Make or replace the file as a whole; its directories are made."""
        data = _bytes(content)
        if len(data) > MAX_WRITE:
            raise TooLarge(f"{len(data)} bytes; fs_write takes at most {MAX_WRITE}.")
        client = await self._roomy(workspace, project, len(data))
        return await client.fs_write(file_path, data, expect_sha256=expect_sha256)

    async def edit(
        self,
        workspace: str,
        project: str,
        file_path: str,
        old_string: str,
        new_string: str,
        *,
        replace_all: bool = False,
        expect_sha256: str | None = None,
    ) -> EditResult:
        """Replace an exact, unique text (all of them with ``replace_all``)."""
        client = await self._roomy(workspace, project, len(new_string))
        return await client.fs_edit(file_path, old_string, new_string, replace_all, expect_sha256)

    async def upload(
        self,
        workspace: str,
        project: str,
        path: str,
        content: AsyncIterable[bytes],
        *,
        size: int = 0,
        expect_sha256: str | None = None,
        exclusive: bool = False,
    ) -> WriteResult:
        """As ``write``, of any size, from pieces as they come; ``size`` is what is known of it
        beforehand. An upload that breaks off leaves the old file."""
        client = await self._roomy(workspace, project, size)
        return await client.fs_write(
            path, content, exclusive=exclusive, expect_sha256=expect_sha256
        )

    async def unpack(
        self,
        workspace: str,
        project: str,
        content: AsyncIterable[bytes],
        path: str = ".",
        *,
        strip: int = 0,
    ) -> Unpacked:
        """A tar, plain or gzip, beneath ``path``."""
        client = await self._roomy(workspace, project, 0)
        return await client.fs_unpack(content, path, strip)

    async def pack(self, workspace: str, project: str, path: str = ".") -> Packing:
        """A tar of ``path``: ``async with await files.pack(...) as pack: async for piece``."""
        return (await self._agent(workspace, project)).fs_pack(path)

    async def watch(self, workspace: str, project: str, path: str = ".") -> Watching:
        """Changes beneath ``path`` in batches, until it is left. The first batch is empty: the
        watch is in place."""
        return (await self._agent(workspace, project)).fs_watch(path)

    async def list(
        self, workspace: str, project: str, path: str = ".", *, depth: int = 1, limit: int = 1000
    ) -> FileList:
        client = await self._agent(workspace, project)
        return await client.fs_list(path, depth, limit)

    async def stat(self, workspace: str, project: str, path: str) -> FileInfo:
        client = await self._agent(workspace, project)
        return await client.fs_stat(path)

    async def delete(
        self, workspace: str, project: str, path: str, *, recursive: bool = False
    ) -> int:
        """How many files and directories are gone. Directories only with ``recursive``."""
        client = await self._agent(workspace, project)
        return await client.fs_delete(path, recursive)

    async def move(
        self, workspace: str, project: str, path: str, to: str, *, overwrite: bool = False
    ) -> str:
        client = await self._agent(workspace, project)
        return await client.fs_move(path, to, overwrite)

    async def mkdir(self, workspace: str, project: str, path: str) -> bool:
        client = await self._agent(workspace, project)
        return await client.fs_mkdir(path)

    async def glob(
        self,
        workspace: str,
        project: str,
        pattern: str,
        path: str = ".",
        *,
        limit: int = 1000,
        ignored: bool = False,
    ) -> GlobResult:
        """Files that match, newest first; what .gitignore names only with ``ignored``."""
        client = await self._agent(workspace, project)
        return await client.fs_glob(pattern, path, limit, ignored)

    async def grep(
        self,
        workspace: str,
        project: str,
        pattern: str,
        path: str = ".",
        *,
        mode: GrepMode = GrepMode.FILES,
        include: str | None = None,
        ignore_case: bool = False,
        context: int = 0,
        limit: int = 200,
    ) -> GrepResult:
        """Search file contents by a regular expression."""
        client = await self._agent(workspace, project)
        return await client.fs_grep(
            pattern,
            path,
            mode,
            include=include,
            ignore_case=ignore_case,
            before=context,
            after=context,
            limit=limit,
        )

    async def _agent(self, workspace: str, project: str) -> AgentClient:
        return (await self._way.enter(workspace, project)).client

    async def _roomy(self, workspace: str, project: str, size: int) -> AgentClient:
        """A client of the box, once it has room for ``size`` more bytes. Raises DiskFull."""
        inside = await self._way.enter(workspace, project)
        await self._gauge.admit(inside, size)
        return inside.client


def _bytes(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "The content holds half a surrogate pair, which is no text.", hint="Pass it as bytes."
        ) from error
