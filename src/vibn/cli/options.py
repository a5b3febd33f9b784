"""Arguments that several commands take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from vibn.errors import InvalidInput, VibnError


def project_names(incomplete: str) -> list[str]:
    """For the shell's completion: a server that does not answer at once completes nothing."""
    try:
        from vibn.cli.connect import quick

        with quick() as client:
            names = [project.slug for project in client.projects.list()]
    except (VibnError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProjectName = Annotated[
    str, typer.Argument(metavar="PROJECT", autocompletion=project_names, help="The project.")
]
ProjectOption = Annotated[
    str | None,
    typer.Option("--project", "-p", autocompletion=project_names, help="Only this project."),
]
WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", help="The workspace. Default: that of your token."),
]
BoxPath = Annotated[
    str, typer.Argument(metavar="PATH", help="Relative to /workspace, or beginning with it.")
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable; may be repeated."),
]
Cwd = Annotated[str, typer.Option("--cwd", help="The directory to run in. Default: /workspace.")]
User = Annotated[str, typer.Option("--user", help="vibn, or root where the runtime has one.")]


def variables(pairs: Iterable[str] | None) -> dict[str, str]:
    """Raises InvalidInput for what is no ``NAME=VALUE``."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidInput(f"Not a variable: {pair!r}.", hint="Write it as NAME=VALUE.")
        found[name] = value
    return found


def duration(text: str) -> float:
    """Seconds of ``90s``, ``15m``, ``12h``, ``30d``. Raises InvalidInput."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = text[:-1], text[-1:]
    if unit.isdecimal():
        number, unit = text, "s"
    if unit not in units or not number.isdecimal():
        raise InvalidInput(f"Not a duration: {text!r}.", hint="Write it as 90s, 15m, 12h or 30d.")
    return float(int(number) * units[unit])
