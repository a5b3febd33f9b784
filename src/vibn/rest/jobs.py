"""Background commands: started, listed, read, followed, written to and signalled."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from vibn.errors import InvalidInput, TooLarge
from vibn.outcomes import Job, JobOutput, JobState
from vibn.rest.base64 import Base64, decoded, text_of
from vibn.rest.documented import Responses, problems, told
from vibn.rest.events import Events, event_stream
from vibn.rest.exec import Command, Cwd
from vibn.rest.params import Body, Offset, ProjectSlug, Shown, Size, WaitMs, not_both
from vibn.rest.route import StrictRoute
from vibn.rest.signals import SignalName
from vibn.rest.variables import CommandVariables
from vibn.rest.visit import Visit, Visiting, answer, encoded
from vibn.services.calls import Call, Purpose
from vibn.services.shell import READ_LIMIT

router = APIRouter(prefix="/api/v1/projects/{project}/jobs", route_class=StrictRoute, tags=["jobs"])

LIST = Purpose("jobs.list")
START = Purpose("jobs.start", writes=True)
GET = Purpose("jobs.get")
READ = Purpose("jobs.output")
INPUT = Purpose("jobs.input", writes=True)
SIGNAL = Purpose("jobs.signal", writes=True)

FOLLOW_MS = 10_000
"""How long one look of a follower waits for something new."""
PAUSE = 0.1
MOST_INPUT = 1 << 20

JobId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class NewJob(Body):
    """Runs by /bin/sh in ``cwd`` (default /workspace), without a time limit."""

    command: Command
    cwd: Cwd = ""
    env: CommandVariables | None = None
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class JobInput(Body):
    """``text`` or ``base64``, at most 1 MiB; ``eof`` ends the job's input after it."""

    model_config = ConfigDict(json_schema_extra=not_both("text", "base64"))

    text: str | None = None
    base64: Base64 | None = None
    eof: bool = False

    def data(self) -> bytes:
        """Raises InvalidInput."""
        if self.text is not None and self.base64 is not None:
            raise InvalidInput("Both text and base64 are given.", hint="Give one of them.")
        data = (self.text or "").encode()
        if self.base64 is not None:
            data = decoded("base64", self.base64)
        if len(data) > MOST_INPUT:
            raise TooLarge(f"{len(data)} bytes; at most {MOST_INPUT} are taken at once.")
        return data


class JobSignal(Body):
    """A name such as ``TERM`` or ``INT``."""

    signal: SignalName


class JobList(Shown):
    jobs: tuple[Job, ...]


class Ended(Shown):
    job: Job


class Written(Shown):
    written: int


class Signalled(Shown):
    signalled: tuple[int, ...]


class OutputShown(Shown):
    """``text`` and ``base64`` are the same bytes; read on at ``next``."""

    job: Job
    offset: int
    next: int
    dropped: int
    text: str
    base64: str


@router.get("", response_model=JobList, responses=problems(box=True))
async def list_jobs(visit: Visiting, project: ProjectSlug) -> Response:
    """The jobs of the box, also those that ended of late."""
    async with visit.call(LIST, project) as call:
        return answer(JobList(jobs=await call.shell.list(call.workspace, project)), call)


@router.post("", status_code=201, response_model=Job, responses=problems(box=True))
async def start_job(visit: Visiting, project: ProjectSlug, body: NewJob) -> Response:
    """Start a command that goes on when this connection ends."""
    async with visit.call(START, project, body.model_dump()) as call:
        job = await call.shell.start(
            call.workspace, project, body.command, cwd=body.cwd, env=body.env, name=body.name
        )
        return answer(await _job(call, job), call, status=201)


@router.get("/{id}", response_model=Job, responses=problems(box=True))
async def get_job(visit: Visiting, project: ProjectSlug, id: JobId) -> Response:
    """One job, with its state."""
    async with visit.call(GET, project, {"id": id}) as call:
        return answer(await _job(call, id), call)


async def _job(call: Call, job: str) -> Job:
    """Raises JobNotFound."""
    return (await call.shell.read(call.workspace, call.project, job, limit=1)).job


_OK: Responses = {200: told("output", "exit", "error")}


@router.get("/{id}/output", response_model=OutputShown, responses={**_OK, **problems(box=True)})
async def job_output(
    visit: Visiting,
    project: ProjectSlug,
    id: JobId,
    offset: Annotated[Offset, Query()] = 0,
    limit: Annotated[Size, Query()] = READ_LIMIT,
    wait_ms: Annotated[WaitMs, Query()] = 0,
) -> Response:
    """Output from ``offset`` (negative: from the end); ``wait_ms`` waits for something new. With
    ``Accept: text/event-stream`` all of it as it comes, as events ``output``, then ``exit``."""
    if visit.wants_events:
        return event_stream(lambda events: _followed(visit, project, id, offset, limit, events))
    asked = {"id": id, "offset": offset, "limit": limit, "wait_ms": wait_ms}
    async with visit.call(READ, project, asked) as call:
        output = await call.shell.read(
            call.workspace, project, id, offset=offset, limit=limit, wait_ms=wait_ms
        )
        return answer(_shown(output), call)


def _shown(output: JobOutput) -> OutputShown:
    return OutputShown(
        job=output.job,
        offset=output.offset,
        next=output.next,
        dropped=output.dropped,
        text=output.data.decode(errors="replace"),
        base64=text_of(output.data),
    )


async def _followed(
    visit: Visit, project: str, id: str, offset: int, limit: int, events: Events
) -> None:
    asked = {"id": id, "offset": offset, "follow": True}
    async with visit.stream(READ, project, asked) as call:
        try:
            job = await _told(call, id, offset, limit, events)
            await events.tell("exit", encoded(Ended(job=job)))
        finally:
            call.sent(events.size)


async def _told(call: Call, id: str, offset: int, limit: int, events: Events) -> Job:
    """All of its output; the job, once it has ended."""
    while True:
        output = await call.shell.read(
            call.workspace, call.project, id, offset=offset, limit=limit, wait_ms=FOLLOW_MS
        )
        offset = output.next
        if output.data or output.dropped:
            await events.tell("output", _event(output))
        elif output.job.state is not JobState.RUNNING:
            return output.job
        else:
            # What may be the beginning of a secret is held back, and the next look does not wait.
            await asyncio.sleep(PAUSE)


def _event(output: JobOutput) -> dict[str, object]:
    return {
        "offset": output.offset,
        "next": output.next,
        "dropped": output.dropped,
        "base64": text_of(output.data),
    }


@router.post("/{id}/input", response_model=Written, responses=problems(box=True))
async def job_input(visit: Visiting, project: ProjectSlug, id: JobId, body: JobInput) -> Response:
    """Write to the job's stdin."""
    async with visit.call(INPUT, project, {"id": id, **body.model_dump()}) as call:
        written = await call.shell.input(call.workspace, project, id, body.data(), eof=body.eof)
        return answer(Written(written=written), call)


@router.post("/{id}/signal", response_model=Signalled, responses=problems(box=True))
async def signal_job(visit: Visiting, project: ProjectSlug, id: JobId, body: JobSignal) -> Response:
    """Signal the job and all that it started."""
    async with visit.call(SIGNAL, project, {"id": id, **body.model_dump()}) as call:
        pids = await call.shell.kill(call.workspace, project, id, signal=body.signal)
        return answer(Signalled(signalled=pids), call)
