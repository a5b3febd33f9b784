"""The commands, by what they are for. What each does is in the module of its name."""

from __future__ import annotations

from typing import Annotated

import typer

from vibn.cli.lazy import Entry, LazyGroup


def _entry(name: str, help: str, module: str = "", app: str = "commands") -> Entry:
    return Entry(name, f"vibn.cli.{module or name}", app, help)


class Root(LazyGroup):
    sections = {
        "Work in a project": (
            _entry("projects", "List, make, change and delete projects; variables and secrets."),
            _entry("box", "A project's dev container: status, ensure, suspend, resume, recreate."),
            _entry("exec", "Run a command in it: your stdin, its output, its status.", "execute"),
            _entry("sh", "A terminal in it.", "terminal"),
            _entry("fs", "Its files: list, show, write, edit, search, watch."),
            _entry("cp", "Copy files and directories to it and from it."),
            _entry("jobs", "Its background commands: start, list, input, kill."),
            _entry("logs", "The output of a background command; -f follows it."),
            _entry("tools", "What an AI is offered: list, call, export."),
        ),
        "Operate a server": (
            _entry("up", "Start the server: MCP, REST and health in one process.", "operate", "up"),
            _entry("tokens", "Make, list and revoke tokens."),
            _entry("workspaces", "Make, list and delete workspaces."),
            _entry("audit", "What was called, and whether the trail is whole."),
            _entry("killswitch", "Switch dev containers off and on again; measure it."),
        ),
        "This machine": (
            _entry(
                "setup", "Get a runtime for boxes, and say which one it is.", "operate", "setup"
            ),
            _entry("doctor", "Check this machine; findings come with a FIX.", "operate", "doctor"),
            _entry("demo", "The main job in front of you, with a real box.", "operate", "demo"),
            _entry(
                "bench", "Measure, and print each figure beside its budget.", "operate", "bench"
            ),
            _entry("image", "The vibn-dev image of the docker runtime.", "operate", "image"),
        ),
    }


commands = typer.Typer(
    cls=Root,
    name="vibn",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        import vibn

        typer.echo(f"vibn {vibn.__version__}")
        raise typer.Exit


@commands.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """A dev container for every project that an AI agent drives directly.

    Commands find the server by VIBN_URL and VIBN_TOKEN, or by the profile that `vibn up` writes.
    Each takes --help, and --json for programs.
    """
