"""Typed operations on the files of a box. Paths are relative to /workspace, or begin with it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable
from typing import Any

from vibn.agent.frames import MAX_BODY
from vibn.channel.caller import LONG, Caller, given
from vibn.channel.fields import flag, integer, text
from vibn.channel.results import (
    PATH,
    edit_result,
    file_bytes,
    file_info,
    file_list,
    glob_result,
    grep_result,
    text_lines,
    unpacked,
    write_result,
)
from vibn.channel.streams import Packing, Watching
from vibn.errors import HashMismatch, ProtocolViolation, TooLarge
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

Content = bytes | AsyncIterable[bytes]
"""Bytes at hand, or as they come."""


class Files(Caller):
    """What leaves /workspace is PathOutside; what is not there FileMissing."""

    async def fs_read(
        self, path: str, offset: int = 0, limit: int | None = None, max: int = MAX_BODY
    ) -> FileBytes:
        """Bytes from ``offset``: ``limit`` of them, or all that follow. More than ``max`` would
        be TooLarge. A file that changes while a long one is read is HashMismatch."""
        if limit is None and max <= MAX_BODY:
            return await self._read_part({"path": path, "offset": offset, "max": max}, max)
        first = last = await self._read_next(path, offset, limit)
        wanted = first.size - offset if limit is None else limit
        if wanted > max and first.next is not None:
            raise TooLarge(f"{wanted} bytes were asked for; the cap is {max}.")
        parts, got = [first.data], len(first.data)
        while last.next is not None and got < wanted:
            last = await self._read_next(path, last.next, wanted - got)
            if (last.size, last.mtime) != (first.size, first.mtime):
                raise HashMismatch("The file changed while it was read.", hint="Read it again.")
            parts.append(last.data)
            got += len(last.data)
        if len(parts) == 1:
            return first
        data = b"".join(parts)
        whole = offset == 0 and last.next is None
        digest = hashlib.sha256(data).hexdigest() if whole else None
        return FileBytes(data, first.size, first.mtime, digest, offset, last.next)

    async def _read_next(self, path: str, offset: int, limit: int | None) -> FileBytes:
        size = MAX_BODY if limit is None else min(limit, MAX_BODY)
        found = await self._read_part({"path": path, "offset": offset, "limit": size}, size)
        if found.offset != offset:
            error = ProtocolViolation("The agent read another part of the file than was asked.")
            self.connection.violated(error)
            raise error
        return found

    async def _read_part(self, args: dict[str, Any], most: int) -> FileBytes:
        return await self._call_for_bytes("fs.read", args, lambda r, b: file_bytes(r, b, most))

    async def fs_lines(
        self,
        path: str,
        start: int = 1,
        count: int = 2000,
        max: int = 262144,
        width: int = 2000,
    ) -> TextLines:
        """Lines from ``start`` (counted from 1): at most ``count`` lines and ``max`` bytes, each
        cut to ``width`` characters. NotText for what is not UTF-8."""
        args = {"path": path, "start": start, "count": count, "max": max, "width": width}
        return await self._call_for_bytes("fs.lines", args, text_lines)

    async def fs_write(
        self,
        path: str,
        content: Content,
        *,
        mode: int | None = None,
        create: bool = True,
        exclusive: bool = False,
        expect_sha256: str | None = None,
        sync: bool = False,
    ) -> WriteResult:
        """Write the file as a whole, of any size: others see the old or the new content. With
        ``expect_sha256`` only when that is its content now (HashMismatch)."""
        args = given(path=path, mode=mode, expect_sha256=expect_sha256)
        if not create:
            args["create"] = False
        if exclusive:
            args["exclusive"] = True
        if sync:
            args["sync"] = True
        if isinstance(content, bytes) and len(content) <= MAX_BODY:
            return await self._call("fs.write", args, write_result, content)
        result, body = await self._upload("fs.write", {**args, "stream": True}, content)
        return self._built(lambda r, _: write_result(r), result, body)

    async def _upload(
        self, op: str, args: dict[str, Any], content: Content
    ) -> tuple[dict[str, Any], bytes]:
        """Send ``content`` on stream ``in``; the answer. Raises what the agent answers, also
        while content is still left, and DeadlineExceeded when it takes no more of it.

        Waiting for the next of ``content`` has no deadline: that is the caller's to bound.
        """
        deadlines = self.connection.deadlines
        call = await self.connection.open(op, args, sends=True)
        try:
            if isinstance(content, bytes):
                await call.send(content, deadlines.answer)
            else:
                async for piece in content:
                    if not await call.send(piece, deadlines.answer):
                        break
            call.send_eof()
            call.expire_in(deadlines.answer)
            return await call.finished()
        finally:
            await call.stop(deadlines.cancel)

    async def fs_edit(
        self,
        path: str,
        old: str,
        new: str,
        all: bool = False,
        expect_sha256: str | None = None,
    ) -> EditResult:
        """Replace ``old``, which must occur exactly once unless ``all``, by ``new``. EditNoMatch
        tells the nearest lines, EditAmbiguous where it occurs."""
        args = given(path=path, old=old, new=new, expect_sha256=expect_sha256)
        if all:
            args["all"] = True
        return await self._call("fs.edit", args, edit_result)

    async def fs_list(
        self, path: str = ".", depth: int = 1, limit: int = 1000, hidden: bool = True
    ) -> FileList:
        args = {"path": path, "depth": depth, "limit": limit, "hidden": hidden}
        return await self._call("fs.list", args, file_list)

    async def fs_stat(self, path: str, follow: bool = True) -> FileInfo:
        return await self._call("fs.stat", {"path": path, "follow": follow}, file_info)

    async def fs_mkdir(self, path: str, parents: bool = True) -> bool:
        """True when it was made, False when it was there."""
        args = {"path": path, "parents": parents}
        return await self._call("fs.mkdir", args, lambda r: flag(r, "created"))

    async def fs_delete(self, path: str, recursive: bool = False, missing_ok: bool = False) -> int:
        """How many files and directories were removed. A link is removed, never followed."""
        args = {"path": path, "recursive": recursive, "missing_ok": missing_ok}
        wait = LONG if recursive else 0.0
        return await self._call("fs.delete", args, lambda r: integer(r, "removed"), wait=wait)

    async def fs_move(self, path: str, to: str, overwrite: bool = False) -> str:
        """The new path."""
        args = {"path": path, "to": to, "overwrite": overwrite}
        return await self._call("fs.move", args, lambda r: text(r, "path", PATH))

    async def fs_glob(
        self,
        pattern: str,
        path: str = ".",
        limit: int = 1000,
        ignored: bool = False,
        hidden: bool = False,
    ) -> GlobResult:
        """Files that match, newest first. ``ignored``: also those that .gitignore names."""
        args = {
            "pattern": pattern,
            "path": path,
            "limit": limit,
            "ignored": ignored,
            "hidden": hidden,
        }
        return await self._call("fs.glob", args, glob_result)

    async def fs_grep(
        self,
        pattern: str,
        path: str = ".",
        mode: GrepMode = GrepMode.FILES,
        *,
        include: str | None = None,
        ignore_case: bool = False,
        fixed: bool = False,
        multiline: bool = False,
        before: int = 0,
        after: int = 0,
        limit: int = 200,
        ignored: bool = False,
        hidden: bool = False,
        width: int = 500,
    ) -> GrepResult:
        """Search file contents. ``before`` and ``after`` are lines around a match, ``width`` the
        characters of a line that are told, ``fixed`` takes the pattern as it is."""
        args = given(
            pattern=pattern,
            path=path,
            mode=mode.value,
            include=include,
            ignore_case=ignore_case,
            fixed=fixed,
            multiline=multiline,
            before=before,
            after=after,
            limit=limit,
            ignored=ignored,
            hidden=hidden,
            width=width,
        )
        return await self._call("fs.grep", args, lambda r: grep_result(r, mode))

    def fs_watch(
        self,
        path: str = ".",
        recursive: bool = True,
        ignored: bool = False,
        debounce: float = 0.05,
    ) -> Watching:
        """``async with client.fs_watch() as watch: async for changes in watch``."""
        args = {"path": path, "recursive": recursive, "ignored": ignored, "debounce": debounce}
        return Watching(self.connection, "fs.watch", args)

    async def fs_unpack(self, content: Content, path: str = ".", strip: int = 0) -> Unpacked:
        """Unpack a tar (plain or gzip) beneath ``path``, without its first ``strip`` path parts."""
        result, body = await self._upload("fs.unpack", {"path": path, "strip": strip}, content)
        return self._built(lambda r, _: unpacked(r), result, body)

    def fs_pack(self, path: str = ".") -> Packing:
        """``async with client.fs_pack() as pack: async for piece in pack``: a tar of ``path``."""
        return Packing(self.connection, "fs.pack", {"path": path})
