"""``vibn fs``: the files of a project's dev container."""

from __future__ import annotations

import stat as modes
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import inside
from vibn.cli.options import BoxPath, Json, ProjectName
from vibn.cli.output import note, print_fields, print_json, print_table
from vibn.cli.plain import ago, one_line, plain, size

if TYPE_CHECKING:
    from vibn.client import FileInfo

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Files of a box.")
Limit = Annotated[int, typer.Option(help="How many at most.")]
Where = Annotated[str, typer.Argument(metavar="[PATH]", help="Where to look. Default: all.")]


@commands.command()
def ls(
    project: ProjectName,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="Default: /workspace.")] = ".",
    depth: Annotated[int, typer.Option(help="How many levels of directories.")] = 1,
    limit: Limit = 1000,
    json: Json = False,
) -> None:
    """List a directory."""
    with inside(project) as sandbox:
        listing = sandbox.files.list(path, depth=depth, limit=limit)
    if json:
        print_json(listing)
        return
    rows = [(_mode(f), size(f.size), ago(f.mtime), _name(f)) for f in listing.entries]
    print_table(("MODE", "SIZE", "CHANGED", "PATH"), rows)
    if listing.truncated:
        note(f"There is more: --limit {limit * 10}")


@commands.command()
def cat(project: ProjectName, path: BoxPath, json: Json = False) -> None:
    """Print a file, byte for byte."""
    with inside(project) as sandbox:
        data = sandbox.files.read_bytes(path)
    if json:
        print_json({"path": path, "size": len(data), "base64": data})
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@commands.command()
def write(
    project: ProjectName,
    path: BoxPath,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Only when there is none.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a file from stdin; directories on the way are made."""
    if sys.stdin.isatty():
        note("Type its content, then Ctrl-D.")
    data = sys.stdin.buffer.read()
    with inside(project) as sandbox:
        written = sandbox.files.write(path, data, exclusive=exclusive)
    if json:
        print_json(written)
        return
    note(f"{path}: {size(written.size)}, {'created' if written.created else 'replaced'}")


@commands.command()
def edit(
    project: ProjectName,
    path: BoxPath,
    old: Annotated[str, typer.Argument(help="Text that occurs once in it.")],
    new: Annotated[str, typer.Argument(help="What takes its place.")],
    all_of_them: Annotated[bool, typer.Option("--all", help="Wherever it occurs.")] = False,
    json: Json = False,
) -> None:
    """Replace text in a file, and show what changed."""
    with inside(project) as sandbox:
        edited = sandbox.files.edit(path, old, new, replace_all=all_of_them)
    if json:
        print_json(edited)
        return
    print(plain(edited.diff).rstrip("\n"))


@commands.command()
def stat(project: ProjectName, path: BoxPath, json: Json = False) -> None:
    """What is there."""
    with inside(project) as sandbox:
        info = sandbox.files.stat(path)
    if json:
        print_json(info)
        return
    print_fields(
        {
            "path": info.path,
            "type": info.type.value,
            "size": f"{info.size} bytes",
            "changed": info.mtime.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "mode": _mode(info),
            "leads to": info.target or "",
        }
    )


@commands.command()
def rm(
    project: ProjectName,
    path: BoxPath,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="A directory with all in it.")
    ] = False,
    json: Json = False,
) -> None:
    """Delete a file, or a directory."""
    with inside(project) as sandbox:
        removed = sandbox.files.delete(path, recursive=recursive)
    if json:
        print_json({"removed": removed})
        return
    note(f"{removed} gone")


@commands.command()
def mv(
    project: ProjectName,
    path: BoxPath,
    to: Annotated[str, typer.Argument(metavar="TO")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    json: Json = False,
) -> None:
    """Move or rename."""
    with inside(project) as sandbox:
        sandbox.files.move(path, to, overwrite=overwrite)
    if json:
        print_json({"path": to})
        return


@commands.command()
def mkdir(project: ProjectName, path: BoxPath, json: Json = False) -> None:
    """Make a directory, and those above it."""
    with inside(project) as sandbox:
        created = sandbox.files.mkdir(path)
    if json:
        print_json({"created": created})
        return


@commands.command()
def glob(
    project: ProjectName,
    pattern: Annotated[str, typer.Argument(help="Such as '**/*.py'.")],
    path: Where = ".",
    limit: Limit = 1000,
    json: Json = False,
) -> None:
    """Find files by name, the newest first; without what .gitignore names."""
    with inside(project) as sandbox:
        found = sandbox.files.glob(pattern, path, limit=limit)
    if json:
        print_json({"files": found})
        return
    for file in found:
        print(one_line(file.path))


@commands.command()
def grep(
    project: ProjectName,
    pattern: Annotated[str, typer.Argument(help="A regular expression.")],
    path: Where = ".",
    include: Annotated[str, typer.Option(help="Only such files, as '*.py'.")] = "",
    ignore_case: Annotated[bool, typer.Option("--ignore-case", "-i")] = False,
    context: Annotated[int, typer.Option("--context", "-C", help="Lines around a match.")] = 0,
    limit: Limit = 200,
    json: Json = False,
) -> None:
    """Search in files; exits 1 when nothing matches."""
    with inside(project) as sandbox:
        found = sandbox.files.grep(
            pattern, path, include=include, ignore_case=ignore_case, context=context, limit=limit
        )
    if json:
        print_json(found)
    for match in () if json else found.matches:
        mark = "-" if match.context else ":"
        print(f"{one_line(match.path)}{mark}{match.line}{mark}{plain(match.text)}")
    if found.truncated and not json:
        note(f"There is more: --limit {limit * 10}")
    raise typer.Exit(0 if found.matches else 1)


@commands.command()
def watch(project: ProjectName, path: Where = ".", json: Json = False) -> None:
    """Print changes as they happen, until Ctrl-C; with --json a line each."""
    import json as format

    with inside(project) as sandbox, sandbox.files.watch(path) as changes:
        note("watching, Ctrl-C ends it")
        for change in changes:
            if json:
                print(format.dumps({"kind": change.kind, "path": change.path}), flush=True)
            else:
                print(f"{change.kind:8} {one_line(change.path)}", flush=True)


def _mode(info: FileInfo) -> str:
    kinds = {"dir": modes.S_IFDIR, "link": modes.S_IFLNK}
    return modes.filemode(kinds.get(info.type.value, modes.S_IFREG) | info.mode)


def _name(info: FileInfo) -> str:
    if info.type.value == "dir":
        return info.path + "/"
    return f"{info.path} -> {info.target}" if info.target else info.path
