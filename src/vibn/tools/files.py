"""Tools that read and change files in /workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vibn.outcomes import EditResult, WriteResult
from vibn.services.calls import Call
from vibn.services.files import LINES, MAX_WRITE, WIDTH, ReadResult
from vibn.tools import aliases
from vibn.tools.aliases import renamed
from vibn.tools.arguments import Arguments, Whole
from vibn.tools.telling import count, noted, size, within
from vibn.tools.tool import Tool

FilePath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="Path of the file, relative to /workspace or beginning with /workspace/.",
    ),
]
PATH_NAMES = renamed("file_path", "path", "filename")


class ReadArguments(Arguments):
    file_path: FilePath
    offset: Whole = Field(
        1, ge=0, le=1 << 40, description="First line to read, counted from 1. Default 1."
    )
    limit: Whole = Field(
        LINES, ge=1, le=1 << 20, description=f"Most lines to return. Default {LINES}."
    )


class WriteArguments(Arguments):
    file_path: FilePath
    content: str = Field(description="The whole new content of the file.")


class EditArguments(Arguments):
    file_path: FilePath
    old_string: str = Field(
        min_length=1,
        description="Text to replace, exactly as in the file, without line numbers.",
    )
    new_string: str = Field(description="Text to put in its place; empty to delete it.")
    replace_all: bool = Field(
        False, description="Replace every occurrence rather than the only one. Default false."
    )


class DeleteArguments(Arguments):
    path: str = Field(
        min_length=1,
        max_length=4096,
        description=(
            "Path of the file or directory, relative to /workspace or beginning with /workspace/."
        ),
    )
    recursive: bool = Field(
        False, description="Delete a directory with all it holds. Default false."
    )


@dataclass(frozen=True, slots=True)
class Lines:
    """``numbered`` are lines ``start`` to ``end`` of a text file as ``cat -n`` shows them;
    ``next`` is the line to read on from, None at the end of the file. ``total`` is None where
    the file was not read to its end."""

    numbered: str
    start: int
    end: int
    next: int | None
    total: int | None
    size: int
    cut: tuple[int, ...]


async def _read(call: Call, arguments: ReadArguments) -> Lines:
    first = max(1, arguments.offset)
    found = await call.files.read(
        call.workspace, call.project, arguments.file_path, offset=first, limit=arguments.limit
    )
    return _fitting(found)


def _fitting(found: ReadResult) -> Lines:
    """As many of the lines as a model's client takes."""
    lines = found.lines
    shown = found.numbered()
    rows = within(shown.split("\n")) if shown else []
    end = lines.start + len(rows) - 1
    return Lines(
        numbered="\n".join(rows),
        start=lines.start,
        end=end,
        next=end + 1 if rows and (lines.more or end < lines.end) else None,
        total=lines.total_lines,
        size=lines.size,
        cut=tuple(number for number in lines.cut_lines if number <= end),
    )


def _lines(result: Lines) -> str:
    if not result.numbered:
        if not result.size:
            return "[the file is empty]"
        end = "" if result.total is None else f" has {count(result.total, 'line')} and"
        return f"[the file{end} ends before line {result.start}]"
    more = cut = ""
    if result.next is not None:
        total = "" if result.total is None else f" of {result.total}"
        more = f"lines {result.start}-{result.end}{total}; read on with offset={result.next}"
    if result.cut:
        some = ", ".join(map(str, result.cut[:10])) + (", ..." if len(result.cut) > 10 else "")
        cut = f"cut at {WIDTH} characters: line {some}"
    return noted(result.numbered, more, cut)


async def _write(call: Call, arguments: WriteArguments) -> WriteResult:
    return await call.files.write(
        call.workspace, call.project, arguments.file_path, arguments.content
    )


def _written(result: WriteResult) -> str:
    return f"{'Made' if result.created else 'Replaced'} the file: {size(result.size)}."


async def _edit(call: Call, arguments: EditArguments) -> EditResult:
    return await call.files.edit(
        call.workspace,
        call.project,
        arguments.file_path,
        arguments.old_string,
        arguments.new_string,
        replace_all=arguments.replace_all,
    )


def _edited(result: EditResult) -> str:
    places = "one place" if result.replaced == 1 else f"{result.replaced} places, the first"
    return f"Replaced in {places} at line {result.line}.\n{result.diff}".rstrip("\n")


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many files and directories are gone."""

    removed: int


async def _delete(call: Call, arguments: DeleteArguments) -> Deleted:
    removed = await call.files.delete(
        call.workspace, call.project, arguments.path, recursive=arguments.recursive
    )
    return Deleted(removed)


def _deleted(result: Deleted) -> str:
    return f"Deleted {count(result.removed, 'entry', 'entries')}."


TOOLS = (
    Tool(
        name="fs_read",
        title="Read a text file",
        description=(
            "Read a text file in /workspace. Returns its lines with their numbers, as cat -n "
            f"does (number, tab, line): {LINES} by default, each of at most {WIDTH} characters. "
            "When more lines follow, the last line tells the offset to read on from. Read a file "
            "before you edit it. Files that are not UTF-8 text are refused: look at those with "
            "shell_exec."
        ),
        arguments=ReadArguments,
        result=Lines,
        run=_read,
        render=_lines,
        read_only=True,
        idempotent=True,
        paths=("file_path",),
        aliases=(*PATH_NAMES, *aliases.LINES),
    ),
    Tool(
        name="fs_write",
        title="Write a file",
        description=(
            "Make a file in /workspace, or replace the whole of one; missing directories are "
            "made. To change a part of an existing file use fs_edit. Returns the size and whether "
            f"the file is new. At most {MAX_WRITE // (1024 * 1024)} MiB."
        ),
        arguments=WriteArguments,
        result=WriteResult,
        run=_write,
        render=_written,
        destructive=True,
        idempotent=True,
        paths=("file_path",),
        aliases=(*PATH_NAMES, *renamed("content", "file_text", "contents")),
    ),
    Tool(
        name="fs_edit",
        title="Edit a file",
        description=(
            "Replace an exact piece of text in a file in /workspace. old_string must occur "
            "exactly once, whitespace and indentation included: add surrounding lines until it "
            "does, or pass replace_all. Returns a diff of what changed. When the text is not "
            "found, the nearest lines of the file are told: copy from them and try again."
        ),
        arguments=EditArguments,
        result=EditResult,
        run=_edit,
        render=_edited,
        destructive=True,
        paths=("file_path",),
        aliases=(
            *PATH_NAMES,
            *renamed("old_string", "old_str"),
            *renamed("new_string", "new_str"),
        ),
    ),
    Tool(
        name="fs_delete",
        title="Delete a file or directory",
        description=(
            "Delete a file in /workspace, or with recursive a directory and all in it. It cannot "
            "be undone. A link is deleted, not what it leads to. Returns how many files and "
            "directories are gone."
        ),
        arguments=DeleteArguments,
        result=Deleted,
        run=_delete,
        render=_deleted,
        destructive=True,
        idempotent=True,
        paths=("path",),
        aliases=renamed("path", "file_path", "filename"),
    ),
)
