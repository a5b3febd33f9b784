"""Tools that find files in /workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vibn.outcomes import FileInfo, FileList, FileType, GlobResult, GrepMatch, GrepMode, GrepResult
from vibn.services.calls import Call
from vibn.tools.aliases import renamed
from vibn.tools.arguments import Arguments, Whole
from vibn.tools.telling import count, noted, size, within
from vibn.tools.tool import Tool

MODES = {
    "files_with_matches": GrepMode.FILES,
    "content": GrepMode.CONTENT,
    "count": GrepMode.COUNT,
}

Where = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="Where to look: a path beneath /workspace. Default all of it.",
    ),
]
PATH_NAMES = renamed("path", "file_path", "directory", "dir")


class ListArguments(Arguments):
    path: Where = "."
    depth: Whole = Field(
        1, ge=1, le=20, description="Levels of directories to show. Default 1: no deeper ones."
    )
    limit: Whole = Field(1000, ge=1, le=10_000, description="Most entries. Default 1000.")


class GlobArguments(Arguments):
    pattern: str = Field(
        min_length=1,
        max_length=1000,
        description="Pattern such as **/*.py or src/**/*.{ts,tsx}; ** is any directories.",
    )
    path: Where = "."
    limit: Whole = Field(1000, ge=1, le=10_000, description="Most files. Default 1000.")
    include_ignored: bool = Field(
        False, description="Also find what .gitignore names, such as node_modules. Default false."
    )


class GrepArguments(Arguments):
    pattern: str = Field(
        min_length=1,
        max_length=10_000,
        description="Regular expression, matched line by line. Escape ( [ { and . to mean them.",
    )
    path: Where = "."
    output_mode: Literal["files_with_matches", "content", "count"] = Field(
        "files_with_matches",
        description=(
            "files_with_matches (default) gives paths, newest first; content the matching lines "
            "with their numbers; count the matching lines of each file."
        ),
    )
    include: str = Field(
        "", max_length=1000, description="Only files that match this pattern, such as *.py."
    )
    context: Whole = Field(
        0,
        ge=0,
        le=100,
        description="With content: lines to show before and after each match. Default 0.",
    )
    ignore_case: bool = Field(
        False, description="Take upper and lower case as the same. Default false."
    )
    limit: Whole = Field(
        200, ge=1, le=10_000, description="Most files, or matching lines. Default 200."
    )


async def _list(call: Call, arguments: ListArguments) -> FileList:
    return await call.files.list(
        call.workspace,
        call.project,
        arguments.path,
        depth=arguments.depth,
        limit=arguments.limit,
    )


def _listed(result: FileList) -> str:
    lines = [_entry(entry) for entry in result.entries]
    return _shown(lines, "entry", "entries", result.truncated, "list a directory of its own")


def _entry(entry: FileInfo) -> str:
    if entry.type is FileType.DIR:
        return f"{entry.path}/"
    if entry.type is FileType.LINK:
        return f"{entry.path} -> {entry.target}"
    if entry.type is FileType.OTHER:
        return f"{entry.path} (neither file nor directory)"
    return f"{entry.path} ({size(entry.size)})"


async def _glob(call: Call, arguments: GlobArguments) -> GlobResult:
    return await call.files.glob(
        call.workspace,
        call.project,
        arguments.pattern,
        arguments.path,
        limit=arguments.limit,
        ignored=arguments.include_ignored,
    )


def _globbed(result: GlobResult) -> str:
    lines = [file.path for file in result.files]
    return _shown(lines, "file", "files", result.truncated, f"{result.total} match in all")


async def _grep(call: Call, arguments: GrepArguments) -> GrepResult:
    return await call.files.grep(
        call.workspace,
        call.project,
        arguments.pattern,
        arguments.path,
        mode=MODES[arguments.output_mode],
        include=arguments.include or None,
        ignore_case=arguments.ignore_case,
        context=arguments.context,
        limit=arguments.limit,
    )


def _grepped(result: GrepResult) -> str:
    narrower = "narrow the pattern, path or include"
    if result.matches:
        return _matches(result.matches, result.truncated, narrower)
    lines = [f"{found.path}: {found.count}" for found in result.counts] or list(result.files)
    if not lines:
        return "[no match]"
    return _shown(lines, "file", "files", result.truncated, narrower)


def _matches(matches: tuple[GrepMatch, ...], truncated: bool, narrower: str) -> str:
    lines: list[str] = []
    before: GrepMatch | None = None
    around = any(match.context for match in matches)
    for match in matches:
        if before is not None and around and not _follows(before, match):
            lines.append("--")
        mark = "-" if match.context else ":"
        lines.append(f"{match.path}{mark}{match.line}{mark}{match.text}")
        before = match
    kept = within(lines)
    cut = truncated or len(kept) < len(lines)
    found = sum(not match.context for match in matches)
    number = count(found, "matching line") if not cut else "there are more matching lines"
    return noted("\n".join(kept), number, narrower if cut else "")


def _follows(before: GrepMatch, match: GrepMatch) -> bool:
    return before.path == match.path and before.line + 1 == match.line


def _shown(lines: list[str], noun: str, plural: str, truncated: bool, advice: str) -> str:
    kept = within(lines)
    if len(kept) == len(lines) and not truncated:
        return noted("\n".join(kept), count(len(kept), noun, plural))
    first = f"the first {count(len(kept), noun, plural)}; there are more"
    return noted("\n".join(kept), first, advice)


TOOLS = (
    Tool(
        name="fs_list",
        title="List a directory",
        description=(
            "List a directory in /workspace, hidden files too: a line each with the path, "
            "directories with a slash at their end, files with their size, links with where they "
            "point. Use depth for a small tree; to find files by name fs_glob is better."
        ),
        arguments=ListArguments,
        result=FileList,
        run=_list,
        render=_listed,
        read_only=True,
        idempotent=True,
        paths=("path",),
        aliases=PATH_NAMES,
    ),
    Tool(
        name="fs_glob",
        title="Find files by name",
        description=(
            "Find files in /workspace whose path matches a pattern. Returns paths, the most "
            "recently changed first. What .gitignore names is left out unless include_ignored. "
            "To search in the text of files use fs_grep."
        ),
        arguments=GlobArguments,
        result=GlobResult,
        run=_glob,
        render=_globbed,
        read_only=True,
        idempotent=True,
        paths=("path",),
        aliases=PATH_NAMES,
    ),
    Tool(
        name="fs_grep",
        title="Search in files",
        description=(
            "Search the text of files in /workspace by a regular expression. Returns the paths of "
            "files that match, or with output_mode content the lines as path:number:line, or "
            "with count a number for each file. What .gitignore names and hidden files are left "
            "out. Prefer it to grep in shell_exec: it is bounded and skips what is no text."
        ),
        arguments=GrepArguments,
        result=GrepResult,
        run=_grep,
        render=_grepped,
        read_only=True,
        idempotent=True,
        paths=("path",),
        aliases=(
            *PATH_NAMES,
            *renamed("include", "glob"),
            *renamed("ignore_case", "-i", "case_insensitive"),
            *renamed("context", "-C"),
            *renamed("limit", "head_limit"),
        ),
    ),
)
