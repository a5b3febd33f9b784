"""``vibn killswitch``: switch dev containers off, and on again."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import connected, own_workspace
from vibn.cli.options import Json, ProjectOption
from vibn.cli.output import note, print_json, print_table
from vibn.cli.plain import ago

if TYPE_CHECKING:
    from vibn.client import Client
    from vibn.client.values import Switch

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="While it is on, calls that need a dev container answer 503. Needs the admin secret.",
)
Workspace = Annotated[
    str | None, typer.Option("--workspace", "-w", help="Only this workspace. Default: all.")
]


@commands.command()
def on(
    reason: Annotated[str, typer.Option("--reason", "-r", help="What callers are told.")],
    workspace: Workspace = None,
    project: ProjectOption = None,
    author: Annotated[str, typer.Option(help="Who throws it. Default: you.")] = "",
    kill: Annotated[bool, typer.Option("--kill", help="Also end what runs now.")] = False,
    json: Json = False,
) -> None:
    """Switch dev containers off: all, those of a workspace, or that of a project."""
    with connected() as client:
        where = _scope(client, workspace, project)
        switches = client.killswitch.on(reason, author or _me(), kill=kill, **where)
    if json:
        print_json(switches)
        return
    note("It is on: `vibn killswitch off`, with the same scope, takes it back.")
    _print(switches.switches)


@commands.command()
def off(workspace: Workspace = None, project: ProjectOption = None, json: Json = False) -> None:
    """Take back the switch of exactly this scope."""
    with connected() as client:
        switches = client.killswitch.off(**_scope(client, workspace, project))
    if json:
        print_json(switches)
        return
    _print(switches.switches)


@commands.command()
def status(json: Json = False) -> None:
    """The switches that are on."""
    with connected() as client:
        found = client.killswitch.flags()
    if json:
        print_json({"switches": found})
        return
    _print(found)


@commands.command()
def drill(json: Json = False) -> None:
    """Measure how long it takes until every server refuses, with a switch nobody is under."""
    with connected() as client:
        measured = client.killswitch.drill()
    if json:
        print_json(measured)
        return
    rows = [
        (one.id, "did not refuse" if one.ms is None else f"{one.ms:.1f} ms")
        for one in measured.replicas
    ]
    print_table(("SERVER", "REFUSED AFTER"), rows)
    print(f"all refused after {measured.ms:.1f} ms")


def _scope(client: Client, workspace: str | None, project: str | None) -> dict[str, str | None]:
    if project is not None:
        return {"workspace": own_workspace(client, workspace), "project": project}
    return {"workspace": workspace}


def _me() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _print(switches: tuple[Switch, ...]) -> None:
    rows = [
        (
            one.scope,
            f"{one.workspace}/{one.project}".strip("/") or "(all)",
            ago(one.at),
            one.author,
            one.reason,
        )
        for one in switches
    ]
    columns = ("SCOPE", "WHERE", "SINCE", "BY", "REASON")
    print_table(columns, rows, empty="No switch is on: dev containers answer.")
