"""``vibn tools``: what an AI is offered."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import connected
from vibn.cli.options import Json, project_names
from vibn.cli.output import print_json, print_table
from vibn.cli.plain import plain
from vibn.errors import InvalidInput, ToolNotFound

if TYPE_CHECKING:
    from vibn.client import Client
    from vibn.client.values import Tool

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Tools for an AI.")
_OWN = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


class Format(StrEnum):
    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    MCP = "mcp"
    DOCS = "docs"


@commands.command("list")
def list_tools(json: Json = False) -> None:
    """The tools, and what each is for."""
    with connected() as client:
        found = client.tools.list()
    if json:
        print_json({"tools": found})
        return
    rows = [(tool.name, _kind(tool), tool.title) for tool in found]
    print_table(("TOOL", "KIND", "WHAT IT DOES"), rows)


@commands.command(context_settings=_OWN)
def call(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(help="Such as fs_read.")],
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", autocompletion=project_names, help="The project."),
    ] = None,
    arguments: Annotated[
        str, typer.Option(help="All arguments as a JSON object; - reads it from stdin.")
    ] = "",
    json: Json = False,
) -> None:
    """Call a tool as an AI would, and print what the AI would read.

    \b
    vibn tools call fs_read -p shop --file-path README.md
    vibn tools call shell_exec -p shop --arguments '{"command": "ls"}'
    vibn tools call fs_read --help
    """
    from vibn.cli.toolarguments import help_of, object_in, parsed

    wants_help = any(word in ("--help", "-h") for word in context.args)
    if tool in ("--help", "-h"):
        typer.echo(context.get_help())
        return
    with connected() as client:
        found = _tool(client, tool)
        if wants_help:
            typer.echo(help_of(found))
            return
        if found.in_project and project is None:
            raise InvalidInput(f"{found.name} works in a project.", hint="Name it with -p PROJECT.")
        text = sys.stdin.read() if arguments == "-" else arguments
        given = {**object_in(text), **parsed(found, context.args)}
        answer = client.tools.call(found.name, given, project=project if found.in_project else None)
    if json:
        print_json(answer)
        return
    print(plain(answer.text))


@commands.command()
def export(
    format: Annotated[Format, typer.Option("--format", "-f", help="Whose definitions.")],
    project: Annotated[
        bool, typer.Option("--project", help="With the project as each tool's first argument.")
    ] = False,
    json: Json = False,
) -> None:
    """Print the tools as a vendor's API takes them. Needs no server."""
    from vibn.tools.dialects import export as exported

    if json and format is Format.DOCS:
        raise InvalidInput("The page of the documentation is no JSON.", hint="Leave out --json.")
    sys.stdout.write(exported(format.value, project=project))


def _tool(client: Client, name: str) -> Tool:
    """Raises ToolNotFound."""
    wanted = name.replace(".", "_").replace("-", "_")
    found = {tool.name: tool for tool in client.tools.list()}
    if wanted not in found:
        raise ToolNotFound(f"There is no tool {name!r}.", hint="`vibn tools list` shows them.")
    return found[wanted]


def _kind(tool: Tool) -> str:
    if tool.read_only:
        return "reads only"
    return "may destroy" if tool.destructive else "changes"
