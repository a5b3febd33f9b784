"""``vibn projects``: what is being built, and the variables and secrets of its commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import connected
from vibn.cli.options import Json, ProjectName, variables
from vibn.cli.output import note, print_fields, print_json, print_table
from vibn.cli.plain import ago, size
from vibn.errors import InvalidInput

if TYPE_CHECKING:
    from vibn.client import Limits, Project, Seed

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Projects.")
secrets = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Secrets of a project.")
commands.add_typer(secrets, name="secrets")

Set = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable of every command."),
]
Cpus = Annotated[float | None, typer.Option(help="How many processors its box may use.")]
Memory = Annotated[str, typer.Option(help="Such as 512M or 2G.")]
Disk = Annotated[str, typer.Option(help="Such as 20G.")]
Pids = Annotated[int | None, typer.Option(help="How many processes.")]
SeedUrl = Annotated[str, typer.Option("--seed", help="A git repository to begin with.")]
Ref = Annotated[str, typer.Option(help="Its branch or tag.")]


@commands.command("list")
def list_projects(json: Json = False) -> None:
    """The projects that your token reaches, with the state of their boxes."""
    with connected() as client:
        found = client.projects.list()
    if json:
        print_json({"projects": found})
        return
    rows = [(p.slug, p.box.state, ago(p.box.last_active_at), p.name) for p in found]
    print_table(
        ("PROJECT", "BOX", "ACTIVE", "NAME"),
        rows,
        empty="There is no project yet: `vibn projects create shop` makes one.",
    )


@commands.command()
def show(project: ProjectName, json: Json = False) -> None:
    """One project."""
    with connected() as client:
        found = client.projects.get(project)
        names = client.projects.secrets(project)
    if json:
        print_json(found)
        return
    _print(found, names)


@commands.command()
def create(
    project: ProjectName,
    name: Annotated[str, typer.Option(help="How people call it.")] = "",
    env: Set = None,
    cpus: Cpus = None,
    memory: Memory = "",
    disk: Disk = "",
    pids: Pids = None,
    seed: SeedUrl = "",
    ref: Ref = "",
    json: Json = False,
) -> None:
    """Make a project. Its box comes with the first command in it."""
    with connected() as client:
        made = client.projects.create(
            project,
            name=name,
            env=variables(env),
            limits=_limits(cpus, memory, disk, pids),
            seed=_seed(seed, ref),
        )
    if json:
        print_json(made)
        return
    note(f"{made.slug} is there: `vibn exec {made.slug} -- ls` makes its box and runs in it.")


@commands.command("set")
def change(
    project: ProjectName,
    env: Set = None,
    unset: Annotated[list[str] | None, typer.Option(help="A variable to remove.")] = None,
    cpus: Cpus = None,
    memory: Memory = "",
    disk: Disk = "",
    pids: Pids = None,
    seed: SeedUrl = "",
    ref: Ref = "",
    json: Json = False,
) -> None:
    """Change a project. Limits count from its next box on: `vibn box recreate`."""
    limits = _limits(cpus, memory, disk, pids)
    changes = {**variables(env), **dict.fromkeys(unset or ())}
    with connected() as client:
        changed = client.projects.change(
            project, env=changes or None, limits=limits, seed=_seed(seed, ref)
        )
        names = client.projects.secrets(project)
    if json:
        print_json(changed)
        return
    _print(changed, names)
    if limits is not None:
        note(f"The limits count when its box is made again: `vibn box recreate {project}`.")


@commands.command()
def delete(
    project: ProjectName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete a project, its box and all its files, for good."""
    confirm(f"Delete the project {project} with all its files?", yes or json)
    with connected() as client:
        client.projects.delete(project)
    if json:
        print_json({"deleted": project})
        return
    note(f"{project} is gone.")


@secrets.command("list")
def list_secrets(project: ProjectName, json: Json = False) -> None:
    """The names of its secrets; values are never shown."""
    with connected() as client:
        names = client.projects.secrets(project)
    if json:
        print_json({"names": names})
        return
    print_table(
        ("NAME",), [(name,) for name in names], empty="It has none: `vibn projects secrets set`."
    )


@secrets.command("set")
def set_secret(
    project: ProjectName,
    name: Annotated[str, typer.Argument(help="As in NPM_TOKEN.")],
    json: Json = False,
) -> None:
    """Set a secret; its value is asked for, or read from stdin, so that no history has it."""
    if sys.stdin.isatty():
        value = typer.prompt(f"Value of {name}", hide_input=True)
    else:
        value = sys.stdin.read().removesuffix("\n")
    with connected() as client:
        client.projects.set_secret(project, name, value)
    if json:
        print_json({"set": name})
        return
    note(f"{name} is set for commands from now on.")


@secrets.command("delete")
def delete_secret(
    project: ProjectName, name: Annotated[str, typer.Argument()], json: Json = False
) -> None:
    """Delete a secret."""
    with connected() as client:
        client.projects.delete_secret(project, name)
    if json:
        print_json({"deleted": name})
        return
    note(f"{name} is gone.")


def confirm(question: str, yes: bool) -> None:
    """Raises InvalidInput where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("Nobody is here to confirm it.", hint="Pass --yes.")
    typer.confirm(question, abort=True)


def _print(project: Project, names: tuple[str, ...]) -> None:
    limits = project.limits
    print_fields(
        {
            "project": project.slug,
            "name": project.name,
            "workspace": project.workspace,
            "created": ago(project.created_at),
            "box": project.box.line or project.box.state,
            "variables": ", ".join(f"{n}={v}" for n, v in project.env.items()),
            "secrets": ", ".join(names),
            "limits": _told(limits) if limits else "",
            "seed": f"{project.seed.url} {project.seed.ref}".strip() if project.seed else "",
        }
    )


def _told(limits: Limits) -> str:
    parts = [f"{limits.cpus:g} cpus" if limits.cpus else ""]
    parts += [f"{size(limits.memory)} memory" if limits.memory else ""]
    parts += [f"{size(limits.disk)} disk" if limits.disk else ""]
    parts += [f"{limits.pids} processes" if limits.pids else ""]
    return ", ".join(part for part in parts if part)


def _limits(cpus: float | None, memory: str, disk: str, pids: int | None) -> Limits | None:
    from vibn.client import Limits

    given = Limits(cpus=cpus, memory=_bytes(memory), disk=_bytes(disk), pids=pids)
    return None if given == Limits() else given


def _seed(url: str, ref: str) -> Seed | None:
    from vibn.client import Seed

    if ref and not url:
        raise InvalidInput("--ref goes with --seed.", hint="Name the repository, too.")
    return Seed(url, ref) if url else None


def _bytes(text: str) -> int | None:
    """Of ``512M`` and the like. Raises InvalidInput."""
    if not text:
        return None
    units = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    number = text.upper().removesuffix("B").removesuffix("I")
    unit = number[-1:] if number[-1:].isalpha() else ""
    digits = number.removesuffix(unit)
    if not digits.isdecimal() or unit not in units:
        raise InvalidInput(f"Not a size: {text!r}.", hint="Write it as 512M or 2G.")
    return int(digits) * units[unit]
