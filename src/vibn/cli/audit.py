"""``vibn audit``: what was called, and whether the trail is whole."""

from __future__ import annotations

from typing import Annotated

import typer

from vibn.cli.connect import connected
from vibn.cli.options import Json, ProjectOption, WorkspaceOption
from vibn.cli.output import note, print_json, print_table

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The audit trail.")


@commands.command("list")
def list_rows(
    project: ProjectOption = None,
    workspace: WorkspaceOption = None,
    limit: Annotated[int, typer.Option(help="How many rows.")] = 50,
    before: Annotated[str | None, typer.Option(help="Older ones: what `next` told.")] = None,
    json: Json = False,
) -> None:
    """The newest calls: of all for operators, else of what your token reaches."""
    with connected() as client:
        page = client.audit.list(project=project, workspace=workspace, limit=limit, before=before)
    if json:
        print_json(page)
        return
    rows = [
        (
            row.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            row.outcome,
            row.tool,
            f"{row.workspace}/{row.project}".strip("/"),
            f"{row.ms:.0f} ms",
            row.surface,
            row.token,
            " ".join(row.paths),
        )
        for row in page.rows
    ]
    columns = ("TIME", "OUTCOME", "CALL", "PROJECT", "TOOK", "BY", "TOKEN", "PATHS")
    print_table(columns, rows, empty="Nothing was called yet.")
    if page.next is not None:
        note(f"There is more: --before {page.next}")


@commands.command()
def verify(json: Json = False) -> None:
    """Look whether a row was changed, lost or cut off; exits 1 if so. Needs the admin secret."""
    with connected() as client:
        verdict = client.audit.verify()
    if json:
        print_json(verdict)
    else:
        rows = [(one.chain, str(one.rows), one.problem or "whole") for one in verdict.chains]
        print_table(("CHAIN", "ROWS", "STATE"), rows, empty="There is no row yet.")
        note("The trail is whole." if verdict.ok else "THE TRAIL IS NOT WHOLE.")
    raise typer.Exit(0 if verdict.ok else 1)
