"""``vibn box``: life of a project's dev container."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import inside
from vibn.cli.options import Json, ProjectName
from vibn.cli.output import note, print_fields, print_json
from vibn.cli.plain import ago, size
from vibn.cli.projects import confirm

if TYPE_CHECKING:
    from vibn.client.values import BoxInfo, BoxStatus

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Dev containers.")


class Tier(StrEnum):
    STOPPED = "stopped"
    FROZEN = "frozen"


@commands.command()
def status(
    project: ProjectName,
    live: Annotated[bool, typer.Option("--live", help="Ask the runtime, too.")] = False,
    json: Json = False,
) -> None:
    """How it is."""
    with inside(project) as sandbox:
        _show(sandbox.box.status(live=live), json)


@commands.command()
def info(project: ProjectName, json: Json = False) -> None:
    """A look from inside: what it uses, and which ports are listened on. Wakes it."""
    with inside(project) as sandbox:
        found = sandbox.box.info()
    if json:
        print_json(found)
        return
    print_fields(_use(found))


@commands.command()
def ensure(
    project: ProjectName,
    start: Annotated[bool, typer.Option(help="Make it run, too.")] = True,
    json: Json = False,
) -> None:
    """Make it if there is none, and wake it if it sleeps."""
    with inside(project) as sandbox:
        ensured = sandbox.box.ensure(start=start)
    if json:
        print_json(ensured)
        return
    print(f"{ensured.state}, {'created' if ensured.created else 'was there'}")
    if ensured.note:
        note(ensured.note)


@commands.command()
def suspend(
    project: ProjectName,
    tier: Annotated[Tier | None, typer.Option(help="frozen keeps its memory.")] = None,
    json: Json = False,
) -> None:
    """Put it to sleep; the next call wakes it."""
    with inside(project) as sandbox:
        _show(sandbox.box.suspend(tier.value if tier else None), json)


@commands.command()
def resume(project: ProjectName, json: Json = False) -> None:
    """Wake it."""
    with inside(project) as sandbox:
        _show(sandbox.box.resume(), json)


@commands.command()
def recreate(project: ProjectName, json: Json = False) -> None:
    """A new container with the same files: so new limits and images come into effect."""
    with inside(project) as sandbox:
        _show(sandbox.box.recreate(), json)


@commands.command()
def delete(
    project: ProjectName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete the container; its files are kept for the next one."""
    confirm(f"Delete the container of {project}? Its files are kept.", yes or json)
    with inside(project) as sandbox:
        sandbox.box.delete()
    if json:
        print_json({"deleted": project})
        return
    note("It is gone; its files are there for the next one.")


def _show(status: BoxStatus, json: bool) -> None:
    if json:
        print_json(status)
        return
    live = status.live
    print_fields(
        {
            "state": f"{status.state} ({status.tier})" if status.tier else status.state,
            "": status.line,
            "image": status.image,
            "active": ago(status.last_active_at),
            "suspended": ago(status.suspended_at),
            "reason": status.reason,
            "live": f"{live.state} {live.reason}".strip() if live else "",
            "limits by": live.limits_by if live else "",
            "unlimited": ", ".join(live.unapplied) if live else "",
        }
    )


def _use(info: BoxInfo) -> dict[str, str]:
    memory, disk, pids = info.memory, info.disk, info.pids
    ports = [f"{port.get('port')} ({port.get('name')})" for port in info.ports]
    return {
        "user": info.user,
        "up": f"{info.uptime:.0f} s",
        "memory": f"{size(memory.get('used'))} of {size(memory.get('limit')) or 'no limit'}",
        "processes": f"{pids.get('used')} of {pids.get('limit') or 'no limit'}",
        "disk": f"{size(disk.get('free'))} free of {size(disk.get('total'))}",
        "ports": ", ".join(ports),
        "agent": info.version,
    }
