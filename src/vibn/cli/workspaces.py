"""``vibn workspaces``: the tenants."""

from __future__ import annotations

from typing import Annotated

import typer

from vibn.cli.connect import connected
from vibn.cli.options import Json
from vibn.cli.output import note, print_json, print_table
from vibn.cli.plain import ago
from vibn.cli.projects import confirm

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Workspaces. Needs the admin secret."
)
Slug = Annotated[str, typer.Argument(metavar="WORKSPACE")]


@commands.command("list")
def list_workspaces(json: Json = False) -> None:
    """All for operators; with a token alone its own."""
    with connected() as client:
        found = client.workspaces.list()
    if json:
        print_json({"workspaces": found})
        return
    rows = [(one.slug, one.name, ago(one.created_at)) for one in found]
    print_table(("WORKSPACE", "NAME", "CREATED"), rows)


@commands.command()
def create(
    workspace: Slug,
    name: Annotated[str, typer.Option(help="How people call it.")] = "",
    json: Json = False,
) -> None:
    """Make a workspace."""
    with connected() as client:
        made = client.workspaces.create(workspace, name=name)
    if json:
        print_json(made)
        return
    note(f"{made.slug} is there: `vibn tokens create first -w {made.slug}` lets somebody in.")


@commands.command()
def delete(
    workspace: Slug,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete a workspace that has no projects, and its tokens."""
    confirm(f"Delete the workspace {workspace} and its tokens?", yes or json)
    with connected() as client:
        client.workspaces.delete(workspace)
    if json:
        print_json({"deleted": workspace})
        return
    note(f"{workspace} is gone.")
