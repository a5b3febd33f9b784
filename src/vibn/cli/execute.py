"""``vibn exec``: a command in a box, as if it ran here."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vibn.cli.connect import inside
from vibn.cli.ending import told
from vibn.cli.options import Cwd, Env, Json, ProjectName, User, variables
from vibn.cli.output import note, print_json
from vibn.cli.wrapping import Wrapping
from vibn.errors import InvalidInput

if TYPE_CHECKING:
    from vibn.client import Sandbox

commands = typer.Typer(rich_markup_mode=None)
LONGEST = 3600.0


@commands.command(cls=Wrapping)
def execute(
    project: ProjectName,
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="One word is a shell command of its own."),
    ],
    cwd: Cwd = "",
    env: Env = None,
    user: User = "vibn",
    timeout: Annotated[
        float | None, typer.Option(help="Kill it after so many seconds. Default: never.")
    ] = None,
    json: Json = False,
) -> None:
    """Run a command in a project's dev container, which is made or woken first.

    It gets your stdin; its stdout and stderr come apart; its exit status is yours, 128 and the
    signal's number when one killed it. Ctrl-C kills it in the box.

    \b
    vibn exec shop -- pytest -q
    vibn exec shop -- 'ls | wc -l'
    tar c . | vibn exec shop -- tar x
    """
    line = command[0] if len(command) == 1 else shlex.join(command)
    if not line.strip():
        raise InvalidInput("The command is empty.", hint="Such as: vibn exec shop -- ls -la")
    if timeout is not None and not 0 < timeout <= LONGEST:
        raise InvalidInput(f"--timeout is {timeout:g}; it must be up to {LONGEST:g} seconds.")
    given: dict[str, Any] = {"cwd": cwd, "env": variables(env), "user": user}
    with inside(project) as sandbox:
        if json:
            status = _collected(sandbox, line, timeout, given)
        else:
            status = _attached(sandbox, line, timeout, given)
    raise typer.Exit(status)


def _attached(sandbox: Sandbox, line: str, timeout: float | None, given: dict[str, Any]) -> int:
    from vibn.cli.attached import Attached

    with sandbox.commands.open(line, timeout=timeout, **given) as running:
        attached = Attached(running)
        attached.feed()
        try:
            result = attached.output()
        except BrokenPipeError:
            return 128 + signal.SIGPIPE
    for line in told(result, sandbox.project):
        note(f"vibn: {line}")
    return attached.status(result)


def _collected(sandbox: Sandbox, line: str, timeout: float | None, given: dict[str, Any]) -> int:
    """Stdin is read only where it is no terminal."""
    stdin = b"" if not _piped() else sys.stdin.buffer.read()
    result = sandbox.commands.run(line, stdin=stdin, timeout=timeout or LONGEST, **given)
    print_json(result)
    return result.status


def _piped() -> bool:
    try:
        return not os.isatty(0) and bool(os.fstat(0))
    except OSError:
        return False
