"""A command in the foreground: to its end, or with its output as it comes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response

from vibn.errors import InvalidInput
from vibn.rest.base64 import Base64, decoded, text_of
from vibn.rest.beside import beside
from vibn.rest.documented import Responses, problems, told
from vibn.rest.events import Events, event_stream
from vibn.rest.params import Body, Integer, ProjectSlug, not_both
from vibn.rest.route import StrictRoute
from vibn.rest.variables import CommandVariables
from vibn.rest.visit import Visit, Visiting, answer, encoded
from vibn.services.calls import Purpose
from vibn.services.shell import MAX_BYTES, MAX_TIMEOUT_MS, TIMEOUT_MS, ShellResult, ShellStream

router = APIRouter(prefix="/api/v1/projects/{project}", route_class=StrictRoute, tags=["commands"])

EXEC = Purpose("exec", writes=True)

Command = Annotated[str, Field(json_schema_extra={"pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"})]
Cwd = Annotated[str, Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]


class Exec(Body):
    """Runs by /bin/sh in ``cwd`` (default /workspace). Of ``stdin`` and ``stdin_base64`` one can
    be given."""

    model_config = ConfigDict(json_schema_extra=not_both("stdin", "stdin_base64"))

    command: Command
    cwd: Cwd = ""
    env: CommandVariables | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS), Integer] = TIMEOUT_MS
    max_bytes: Annotated[int, Field(ge=1, le=512 * 1024), Integer] = MAX_BYTES
    """Bytes kept of each of stdout and stderr; a stream has them all."""
    user: Literal["vibn", "root"] = "vibn"
    stdin: str | None = None
    stdin_base64: Base64 | None = None

    def input(self) -> bytes:
        """Raises InvalidInput."""
        if self.stdin is not None and self.stdin_base64 is not None:
            raise InvalidInput("Both stdin and stdin_base64 are given.", hint="Give one of them.")
        if self.stdin_base64 is not None:
            return decoded("stdin_base64", self.stdin_base64)
        return (self.stdin or "").encode()


_OK: Responses = {200: told("stdout", "stderr", "exit", "error")}


@router.post("/exec", response_model=ShellResult, responses={**_OK, **problems(box=True)})
async def exec_command(visit: Visiting, project: ProjectSlug, body: Exec) -> Response:
    """Run a command. With ``Accept: text/event-stream`` its output comes while it runs, as events
    ``stdout`` and ``stderr`` (``{"base64": ...}``), then ``exit`` or ``error``. A client that
    leaves ends the command."""
    if visit.wants_events:
        return event_stream(lambda events: _streamed(visit, project, body, events))
    async with visit.call(EXEC, project, body.model_dump()) as call:
        result = await call.shell.exec(
            call.workspace,
            project,
            body.command,
            cwd=body.cwd,
            env=body.env,
            timeout_ms=body.timeout_ms,
            max_bytes=body.max_bytes,
            user=body.user,
            stdin=body.input(),
        )
        return answer(result, call)


async def _streamed(visit: Visit, project: str, body: Exec, events: Events) -> None:
    async with visit.stream(EXEC, project, body.model_dump()) as call:
        try:
            async with call.shell.stream(
                call.workspace,
                project,
                body.command,
                cwd=body.cwd,
                env=body.env,
                timeout_ms=body.timeout_ms,
                user=body.user,
            ) as run:
                await _told(run, body.input(), events)
        finally:
            call.sent(events.size)


async def _told(run: ShellStream, stdin: bytes, events: Events) -> None:
    async with beside(_fed(run, stdin)):
        async for piece in run:
            await events.tell(f"std{piece.stream}", {"base64": text_of(piece.data)})
        result = await run.result()
    await events.tell("exit", encoded(result))


async def _fed(run: ShellStream, stdin: bytes) -> None:
    """Beside its output: a command may answer before it has read all."""
    if stdin:
        await run.write(stdin)
    run.close_stdin()
