"""``vibn sh``: a terminal in a box, in this terminal."""

from __future__ import annotations

import os
import shlex
import sys
import termios
import tty
from collections.abc import Callable
from typing import Annotated

import typer

from vibn.cli.connect import inside
from vibn.cli.ending import told
from vibn.cli.options import Cwd, Env, Json, ProjectName, User, variables
from vibn.cli.output import note
from vibn.cli.wrapping import Wrapping
from vibn.errors import InvalidInput

commands = typer.Typer(rich_markup_mode=None)

SOFT_RESET = b"\x1b[?1049l\x1b[?25h\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?2004l\x1b[0m"
"""Leaves the other screen, shows the cursor, plain keys, no mouse, no bracketed paste, no colour:
for programs that were cut off before they could."""


@commands.command(cls=Wrapping)
def terminal(
    project: ProjectName,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND...", help="Default: a login shell."),
    ] = None,
    cwd: Cwd = "",
    env: Env = None,
    user: User = "vibn",
    json: Json = False,
) -> None:
    """Open a terminal in a project's dev container, which is made or woken first."""
    if json:
        raise InvalidInput("A terminal has no JSON.", hint="Use `vibn exec --json`.")
    if not (os.isatty(0) and os.isatty(1)):
        raise InvalidInput(
            "This is no terminal: stdin or stdout leads elsewhere.",
            hint=f"Use `vibn exec {project} -- COMMAND`, which takes pipes.",
        )
    from vibn.cli.attached import Attached

    words = command or []
    asked = words[0] if len(words) == 1 else shlex.join(words)
    rows, cols = _size()
    term = os.environ.get("TERM") or "xterm-256color"
    with (
        inside(project) as sandbox,
        sandbox.pty.open(
            asked or None,
            rows=rows,
            cols=cols,
            term=term,
            cwd=cwd,
            env=_environment() | variables(env),
            user=user,
        ) as shell,
    ):
        restore = _raw()
        attached = Attached(shell, restore)
        attached.on_resize(lambda: shell.resize(*_size()))
        clean = False
        try:
            shell.resize(*_size())
            attached.feed()
            result = attached.output()
            clean = True
        finally:
            if not clean:
                os.write(1, SOFT_RESET)
            restore()
    for line in told(result, project):
        note(f"vibn: {line}")
    raise typer.Exit(attached.status(result))


def _raw() -> Callable[[], None]:
    """Every key goes to the box, Ctrl-C too. What to call when that is over."""
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)

    def restore() -> None:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        sys.stdout.flush()

    return restore


def _size() -> tuple[int, int]:
    """Rows and columns; those that a terminal does not tell are the usual ones."""
    cols, rows = os.get_terminal_size(0)
    return rows or 24, cols or 80


def _environment() -> dict[str, str]:
    """What programs look at to choose their colours."""
    return {name: os.environ[name] for name in ("COLORTERM",) if name in os.environ}
