"""``vibn logs``: the output of a background command."""

from __future__ import annotations

import base64
import json as format
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import inside
from vibn.cli.jobs import JobName, job_of, state_of
from vibn.cli.options import Json, ProjectName
from vibn.cli.output import note

if TYPE_CHECKING:
    from vibn.client import JobOutput, Sandbox

commands = typer.Typer(rich_markup_mode=None)


@commands.command()
def logs(
    project: ProjectName,
    job: JobName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it ends.")] = False,
    last: Annotated[
        int | None, typer.Option("--last", metavar="BYTES", help="Only what came last.")
    ] = None,
    json: Json = False,
) -> None:
    """Print what a background command wrote; with -f go on until it ends. Ctrl-C leaves it
    running. With --json a line each piece."""
    with inside(project) as sandbox:
        found = job_of(sandbox, job)
        offset = found.first if last is None else max(found.first, found.size - last)
        if follow:
            for piece in sandbox.jobs.follow(found.id, offset=offset):
                _print(piece, json)
        else:
            _print_all(sandbox, found.id, offset, json)


def _print_all(sandbox: Sandbox, id: str, offset: int, json: bool) -> None:
    """To where it was when it was first looked at."""
    end = None
    while end is None or offset < end:
        piece = sandbox.jobs.read(id, offset=offset)
        assert piece.job is not None
        end = piece.job.size if end is None else end
        if piece.next == offset:
            return
        _print(piece, json)
        offset = piece.next


def _print(piece: JobOutput, json: bool) -> None:
    if piece.dropped:
        note(f"[{piece.dropped} bytes are not kept any more]")
    if json and piece.data:
        data = base64.b64encode(piece.data).decode()
        shown = {"offset": piece.offset, "next": piece.next, "base64": data}
        print(format.dumps({**shown, "text": piece.text}), flush=True)
    elif not json:
        sys.stdout.buffer.write(piece.data)
        sys.stdout.buffer.flush()
    if piece.job is not None and not piece.data:
        note(f"[{state_of(piece.job)}]")
