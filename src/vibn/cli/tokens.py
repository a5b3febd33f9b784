"""``vibn tokens``: who may call."""

from __future__ import annotations

from typing import Annotated

import typer

from vibn.cli.connect import connected, own_workspace
from vibn.cli.options import Json, ProjectOption, WorkspaceOption, duration
from vibn.cli.output import note, print_fields, print_json, print_table
from vibn.cli.plain import ago

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Tokens. Needs the admin secret."
)


@commands.command("list")
def list_tokens(workspace: WorkspaceOption = None, json: Json = False) -> None:
    """The tokens of a workspace, without their text."""
    with connected() as client:
        found = client.tokens.list(own_workspace(client, workspace))
    if json:
        print_json({"tokens": found})
        return
    rows = [
        (
            token.id,
            token.name,
            token.project or "(all)",
            token.access,
            ago(token.created_at),
            f"revoked {ago(token.revoked_at)}" if token.revoked_at else ago(token.expires_at),
        )
        for token in found
    ]
    print_table(("ID", "NAME", "PROJECT", "ACCESS", "CREATED", "ENDS"), rows)


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as ci.")],
    workspace: WorkspaceOption = None,
    project: ProjectOption = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="It changes nothing.")] = False,
    expires: Annotated[str, typer.Option(help="After 12h, 30d... Default: never.")] = "",
    json: Json = False,
) -> None:
    """Make a token and print its text, which is not shown a second time."""
    with connected() as client:
        made = client.tokens.create(
            own_workspace(client, workspace),
            name,
            project=project,
            access="read" if read_only else "full",
            expires_in=duration(expires) if expires else None,
        )
    if json:
        print_json(made)
        return
    print(made.token)
    note(f"Token {made.id} of {made.workspace}. Keep it: it is not shown again.")


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(help="As `vibn tokens list` shows it.")],
    workspace: WorkspaceOption = None,
    json: Json = False,
) -> None:
    """Revoke a token, from its next call on."""
    with connected() as client:
        revoked = client.tokens.revoke(own_workspace(client, workspace), id)
    if json:
        print_json(revoked)
        return
    note(f"{revoked.name} ({revoked.id}) opens nothing any more.")


@commands.command()
def me(json: Json = False) -> None:
    """Whom the server takes you for. Needs your token only."""
    with connected() as client:
        found, url = client.me(), client.url
    if json:
        print_json(found)
        return
    print_fields(
        {
            "server": url,
            "token": f"{found.name} ({found.token_id})",
            "workspace": found.workspace,
            "project": found.project or "(all)",
            "access": found.access,
            "expires": ago(found.expires_at),
        }
    )
