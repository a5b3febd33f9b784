"""A terminal, or a command with its three streams, over a WebSocket.

    client                                           server
    {"command": ..., "terminal": ...}      text
                                                     {"type": "started"}
    stdin                                  binary    1 + stdout, 2 + stderr
    {"type": "resize" | "signal" | "eof"}  text
                                                     {"type": "exit" | "error"}, then 1000

A socket that closes ends the command.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, WebSocket

from vibn.errors import VibnError
from vibn.problem import problem
from vibn.rest.beside import Gone, beside
from vibn.rest.line import Line
from vibn.rest.mistakes import internal
from vibn.rest.visit import caller_of, deps_of, still_valid
from vibn.services.calls import Caller, Calls, Purpose
from vibn.services.shell import ShellResult, ShellStream

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1")

TERMINAL = Purpose("terminal", writes=True)


@router.websocket("/projects/{project}/terminal")
async def terminal(socket: WebSocket, project: str) -> None:
    deps, caller = deps_of(socket), caller_of(socket)
    try:
        await deps.calls.identify(caller)
    except VibnError as error:
        await socket.send_denial_response(problem(error))
        return
    await socket.accept()
    line = Line(socket)
    try:
        async with beside(line.listen()), beside(still_valid(deps, caller, project)):
            result = await _run(line, deps.calls, caller, project)
            await line.ended(result)
    except Gone:
        return
    except VibnError as error:
        await line.failed(error)
    except Exception:
        log.exception("a terminal ended in an error that nobody expected")
        await line.failed(internal())


async def _run(line: Line, calls: Calls, caller: Caller, project: str) -> ShellResult:
    begin = await line.first()
    async with (
        calls.open(caller, TERMINAL, project, arguments=begin.model_dump()) as call,
        call.shell.stream(
            call.workspace,
            project,
            begin.command,
            cwd=begin.cwd or "",
            env=begin.env,
            timeout_ms=begin.timeout_ms,
            user=begin.user or "vibn",
            terminal=begin.size,
        ) as run,
    ):
        await line.started()
        try:
            async with beside(line.feed(run)):
                return await _told(run, line)
        finally:
            call.sent(line.size)


async def _told(run: ShellStream, line: Line) -> ShellResult:
    async for piece in run:
        await line.output(piece)
    return await run.result()
