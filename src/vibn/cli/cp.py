"""``vibn cp``: files and directories between this machine and a box."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import connected
from vibn.cli.options import Json
from vibn.cli.output import note, print_json
from vibn.cli.plain import size
from vibn.errors import FileMissing, InvalidInput

if TYPE_CHECKING:
    from vibn.client import Sandbox
    from vibn.client.values import Packed

commands = typer.Typer(rich_markup_mode=None)
Hears = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Place:
    """``project`` is empty for a path of this machine."""

    project: str
    path: str


@commands.command()
def cp(
    source: Annotated[str, typer.Argument(help="PROJECT:PATH, or a path here.")],
    target: Annotated[str, typer.Argument(help="PROJECT:PATH, or a path here.")],
    json: Json = False,
) -> None:
    """Copy a file or a directory into a box or out of it. What is there already of a directory
    stays; a target that is a directory gets the source's name in it, as with cp.

    \b
    vibn cp ./site shop:public
    vibn cp shop:dist/app.tar.gz .
    """
    begin, end = _place(source), _place(target)
    if bool(begin.project) == bool(end.project):
        raise InvalidInput(
            "One of both is in a box, the other is here.",
            hint="Such as: vibn cp ./site shop:public, or vibn cp shop:dist ./dist",
        )
    with connected() as client, _progress(json) as hears:
        if end.project:
            copied = _upload(client.sandbox(end.project), begin.path, end.path, hears)
        else:
            copied = _download(client.sandbox(begin.project), begin.path, end.path, hears)
    if json:
        print_json(copied)
        return
    note(f"{copied.files} file{'' if copied.files == 1 else 's'}, {size(copied.bytes)}")


def _place(text: str) -> Place:
    found = re.fullmatch(r"([a-z0-9][a-z0-9-]*):(.*)", text, re.DOTALL)
    return Place(found[1], found[2] or ".") if found else Place("", text)


def _upload(sandbox: Sandbox, here: str, there: str, hears: Hears | None) -> Packed:
    local = Path(here)
    if not local.exists():
        raise FileMissing(f"There is no {here} here.", hint="Check the local path.")
    name = local.resolve().name
    if there.endswith("/") or _is_directory(sandbox, there):
        there = str(PurePosixPath(there) / name)
    return sandbox.files.upload(local, there, on_progress=hears)


def _download(sandbox: Sandbox, there: str, here: str, hears: Hears | None) -> Packed:
    local = Path(here)
    name = PurePosixPath(there).name
    if name not in ("", ".", "..") and (here.endswith("/") or local.is_dir()):
        local = local / name
    return sandbox.files.download(there, local, on_progress=hears)


def _is_directory(sandbox: Sandbox, path: str) -> bool:
    try:
        return sandbox.files.stat(path).type.value == "dir"
    except FileMissing:
        return False


@contextmanager
def _progress(json: bool) -> Iterator[Hears | None]:
    """A bar on a terminal; elsewhere nothing."""
    if json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
