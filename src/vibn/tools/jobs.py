"""Tools for commands in the background."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from vibn.outcomes import Job, JobOutput, JobState
from vibn.services.calls import Call
from vibn.tools.aliases import renamed
from vibn.tools.arguments import Arguments, Environment, NoArguments, Whole, variables
from vibn.tools.shell import COMMAND_NAMES, Command, Directory
from vibn.tools.telling import count, noted, one_line, within
from vibn.tools.tool import Tool

READ = 30_000
FARTHEST = 1 << 53
"""Offsets beyond are exact in no JSON number."""

JobId = Annotated[
    str,
    Field(min_length=1, max_length=100, description="Id of the job, as shell_start returned it."),
]
ID_NAMES = renamed("id", "job_id", "job", "shell_id", "bash_id")


def _signal(value: object) -> object:
    return value.strip().upper().removeprefix("SIG") if isinstance(value, str) else value


Signal = Annotated[
    Literal["TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT"],
    BeforeValidator(_signal),
]


class StartArguments(Arguments):
    command: Command
    cwd: Directory = ""
    env: Environment = ()
    name: str = Field(
        "", max_length=100, description="Short name to tell the job from others. Optional."
    )


class ReadArguments(Arguments):
    id: JobId
    offset: Whole = Field(
        0,
        ge=-FARTHEST,
        le=FARTHEST,
        description=(
            "Byte of the output to read from: 0 (default) is its beginning, the next= of the last "
            "read goes on, a negative one counts from the end."
        ),
    )
    limit: Whole = Field(
        READ, ge=1, le=1024 * 1024, description=f"Most bytes to return. Default {READ}."
    )
    wait_ms: Whole = Field(
        0,
        ge=0,
        le=60_000,
        description=(
            "Milliseconds to wait for output, or for the job's end, when there is nothing new. "
            "Default 0, at most 60000."
        ),
    )


class InputArguments(Arguments):
    id: JobId
    text: str = Field(
        "",
        max_length=1024 * 1024,
        description="Text to write. A program that reads lines needs a newline at its end.",
    )
    eof: bool = Field(False, description="Close the job's input after the text. Default false.")


class KillArguments(Arguments):
    id: JobId
    signal: Signal = Field(
        "TERM",
        description="Signal to send. Default TERM; KILL ends what ignores that, INT is Ctrl-C.",
    )


@dataclass(frozen=True, slots=True)
class StartedJob:
    id: str


@dataclass(frozen=True, slots=True)
class JobText:
    """Output of a job from byte ``offset``, as text; read on at ``next``. ``dropped`` bytes
    before it are gone: of a long output the newest part is kept."""

    job: Job
    offset: int
    next: int
    dropped: int
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    bytes: int


@dataclass(frozen=True, slots=True)
class Signalled:
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JobList:
    jobs: tuple[Job, ...]


async def _start(call: Call, arguments: StartArguments) -> StartedJob:
    job = await call.shell.start(
        call.workspace,
        call.project,
        arguments.command,
        cwd=arguments.cwd,
        env=variables(arguments.env),
        name=arguments.name,
    )
    return StartedJob(job)


def _started(result: StartedJob) -> str:
    return f"Started as job {result.id}. Read its output with shell_read."


async def _read(call: Call, arguments: ReadArguments) -> JobText:
    output = await call.shell.read(
        call.workspace,
        call.project,
        arguments.id,
        offset=arguments.offset,
        limit=arguments.limit,
        wait_ms=arguments.wait_ms,
    )
    return _as_text(output)


def _as_text(output: JobOutput) -> JobText:
    """A character that is cut at the end is left for the next read, while more may come."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    more = output.job.state is JobState.RUNNING or output.next < output.job.size
    text = decoder.decode(output.data)
    held = decoder.getstate()[0]
    if held and (not more or not text):
        text, held = text + decoder.decode(b"", final=True), b""
    return JobText(output.job, output.offset, output.next - len(held), output.dropped, text)


def _job_text(result: JobText) -> str:
    dropped = f"{count(result.dropped, 'byte')} before this are gone" if result.dropped else ""
    left = result.job.size - result.next
    more = count(left, "more byte") if left > 0 else ""
    going = left > 0 or result.job.state is JobState.RUNNING
    on = f"read on with offset={result.next}" if going else ""
    return noted(result.text, f"job {result.job.id} {ended(result.job)}", dropped, more, on)


def ended(job: Job) -> str:
    if job.state is JobState.RUNNING:
        return "is running"
    if job.state is JobState.LOST:
        return "was lost: how it ended is not known"
    return f"was killed by {job.signal}" if job.signal else f"ended with exit {job.exit}"


async def _input(call: Call, arguments: InputArguments) -> Written:
    written = await call.shell.input(
        call.workspace, call.project, arguments.id, arguments.text.encode(), eof=arguments.eof
    )
    return Written(written)


def _written(result: Written) -> str:
    return f"The job took {count(result.bytes, 'byte')}."


async def _kill(call: Call, arguments: KillArguments) -> Signalled:
    pids = await call.shell.kill(
        call.workspace, call.project, arguments.id, signal=arguments.signal
    )
    return Signalled(pids)


def _signalled(result: Signalled) -> str:
    if not result.pids:
        return "No process got it: the job has ended, or has only just begun. See shell_read."
    return f"Signalled {count(len(result.pids), 'process', 'processes')}."


async def _list(call: Call, _: NoArguments) -> JobList:
    return JobList(await call.shell.list(call.workspace, call.project))


def _listed(result: JobList) -> str:
    lines = [_line(job) for job in result.jobs]
    kept = within(lines)
    left = len(lines) - len(kept)
    return noted("\n".join(kept), count(len(lines), "job"), f"{left} not shown" if left else "")


def _line(job: Job) -> str:
    since = datetime.fromtimestamp(job.started_at, UTC)
    name = f" ({one_line(job.name, 100)})" if job.name else ""
    return (
        f"{job.id}{name} {ended(job)}, started {since:%Y-%m-%d %H:%M:%S} UTC: {one_line(job.cmd)}"
    )


TOOLS = (
    Tool(
        name="shell_start",
        title="Start a background job",
        description=(
            "Start a shell command as a background job in the dev container and return at once: "
            "for servers, watchers and long builds. Returns the job's id; follow it with "
            "shell_read, end it with shell_kill. A job has no time limit and goes on after this "
            "conversation, until it ends, is killed, or the container is stopped."
        ),
        arguments=StartArguments,
        result=StartedJob,
        run=_start,
        render=_started,
        destructive=True,
        open_world=True,
        paths=("cwd",),
        aliases=COMMAND_NAMES,
    ),
    Tool(
        name="shell_read",
        title="Read a job's output",
        description=(
            "Read the output (stdout and stderr together) of a background job, from a byte "
            "offset. Returns the text, then a line with the job's state, its exit status once it "
            "ended, and the offset to read on from. Pass wait_ms to wait for something new rather "
            "than asking again and again. Of a very long output the newest 16 MiB are kept."
        ),
        arguments=ReadArguments,
        result=JobText,
        run=_read,
        render=_job_text,
        read_only=True,
        idempotent=True,
        aliases=ID_NAMES,
    ),
    Tool(
        name="shell_input",
        title="Write to a job's input",
        description=(
            "Write text to the standard input of a background job, for programs that ask "
            "questions or read data. Add the newline that a program waits for; eof closes the "
            "input. Returns how many bytes the job took; see its answer with shell_read."
        ),
        arguments=InputArguments,
        result=Written,
        run=_input,
        render=_written,
        destructive=True,
        aliases=(*ID_NAMES, *renamed("text", "input", "data", "stdin")),
    ),
    Tool(
        name="shell_kill",
        title="Signal or end a job",
        description=(
            "Send a signal to a background job and to all processes it started; by default TERM, "
            "which ends most. Returns how many processes got it. Use KILL for what does not end, "
            "and shell_read to see how it ended."
        ),
        arguments=KillArguments,
        result=Signalled,
        run=_kill,
        render=_signalled,
        destructive=True,
        aliases=ID_NAMES,
    ),
    Tool(
        name="shell_list",
        title="List background jobs",
        description=(
            "List the background jobs of the dev container, also those that ended: a line each "
            "with id, name, state and exit status, start time and command. Use it to find a job "
            "whose id is not known any more, or to see what runs."
        ),
        arguments=NoArguments,
        result=JobList,
        run=_list,
        render=_listed,
        read_only=True,
        idempotent=True,
    ),
)
