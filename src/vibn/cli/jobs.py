"""``vibn jobs``: background commands of a project's dev container."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vibn.cli.connect import inside
from vibn.cli.options import Cwd, Env, Json, ProjectName, variables
from vibn.cli.output import note, print_fields, print_json, print_table
from vibn.cli.plain import ago, size
from vibn.cli.wrapping import Wrapping
from vibn.errors import InvalidInput, JobNotFound

if TYPE_CHECKING:
    from vibn.client import Job, Sandbox

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Background commands.")
JobName = Annotated[str, typer.Argument(metavar="JOB", help="Its id, or its name.")]


@commands.command("list")
def list_jobs(project: ProjectName, json: Json = False) -> None:
    """Those that run, and those that ended of late."""
    with inside(project) as sandbox:
        found = sandbox.jobs.list()
    if json:
        print_json({"jobs": found})
        return
    rows = [
        (job.id, job.name, state_of(job), ago(job.started_at), size(job.size), job.cmd)
        for job in found
    ]
    print_table(
        ("JOB", "NAME", "STATE", "STARTED", "OUTPUT", "COMMAND"),
        rows,
        empty=f"None: `vibn jobs start {project} -- COMMAND` starts one.",
    )


@commands.command(cls=Wrapping)
def start(
    project: ProjectName,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...")],
    name: Annotated[str, typer.Option(help="To find it by.")] = "",
    cwd: Cwd = "",
    env: Env = None,
    json: Json = False,
) -> None:
    """Start a command that goes on by itself, and print its id."""
    line = command[0] if len(command) == 1 else shlex.join(command)
    with inside(project) as sandbox:
        job = sandbox.jobs.start(line, cwd=cwd, env=variables(env), name=name)
    if json:
        print_json(job)
        return
    print(job.id)
    note(f"`vibn logs {project} {job.id} -f` follows it.")


@commands.command()
def show(project: ProjectName, job: JobName, json: Json = False) -> None:
    """One of them."""
    with inside(project) as sandbox:
        found = job_of(sandbox, job)
    if json:
        print_json(found)
        return
    print_fields(
        {
            "job": found.id,
            "name": found.name,
            "command": found.cmd,
            "directory": found.cwd,
            "state": state_of(found),
            "pid": str(found.pid),
            "started": ago(found.started_at),
            "ended": ago(found.ended_at),
            "output": size(found.size),
        }
    )


@commands.command("input")
def send_input(
    project: ProjectName,
    job: JobName,
    text: Annotated[str | None, typer.Argument(help="A line to send. Default: stdin.")] = None,
    eof: Annotated[bool, typer.Option("--eof", help="And end its input.")] = False,
    json: Json = False,
) -> None:
    """Write to its stdin."""
    data = sys.stdin.buffer.read() if text is None else f"{text}\n".encode()
    with inside(project) as sandbox:
        id = job_of(sandbox, job).id
        written = 0
        for start in range(0, len(data), 1 << 20):
            written += sandbox.jobs.input(id, data[start : start + (1 << 20)])
        if eof:
            sandbox.jobs.input(id, eof=True)
    if json:
        print_json({"written": written})
        return
    note(f"{written} bytes")


@commands.command()
def kill(
    project: ProjectName,
    job: JobName,
    signal: Annotated[str, typer.Option("--signal", "-s", help="Such as INT or KILL.")] = "TERM",
    json: Json = False,
) -> None:
    """Signal it, with all it started."""
    with inside(project) as sandbox:
        pids = sandbox.jobs.signal(job_of(sandbox, job).id, signal)
    if json:
        print_json({"signalled": pids})
        return
    note(f"{len(pids)} processes signalled" if pids else "nothing of it runs any more")


def job_of(sandbox: Sandbox, name: str) -> Job:
    """By its id, or the newest of that name. Raises JobNotFound."""
    try:
        return sandbox.jobs.get(name)
    except (JobNotFound, InvalidInput):
        named = [job for job in sandbox.jobs.list() if job.name == name]
        if not named:
            raise JobNotFound(
                f"{sandbox.project} has no job {name!r}.",
                hint=f"`vibn jobs list {sandbox.project}` shows those there are.",
            ) from None
        return max(named, key=lambda job: job.started_at)


def state_of(job: Job) -> str:
    if job.exit is not None:
        return f"{job.state}, {job.exit}"
    return f"{job.state}, {job.signal}" if job.signal else job.state
