"""Typed operations on processes: exec, jobs, forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vibn.agent.frames import MAX_BODY
from vibn.channel.caller import Caller, command, environment, given
from vibn.channel.deadlines import FOREVER
from vibn.channel.fields import Fields, integer, integers, objects
from vibn.channel.results import MAX_PID, exec_result, job, job_output, job_started
from vibn.channel.streams import Running, Tunnel
from vibn.outcomes import ExecResult, Job, JobOutput, JobStarted, Terminal

CAP = 30_000
"""Bytes kept of each of stdout and stderr, half from the head and half from the tail."""
MAX_SIGNALLED = 10_000


class Processes(Caller):
    """``cmd`` runs by /bin/sh, ``argv`` as it is; one of the two is given. ``cwd`` defaults to
    /workspace."""

    async def exec(
        self,
        cmd: str | None = None,
        *,
        argv: list[str] | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        stdin: bytes = b"",
        cap: int = CAP,
        log: bool = True,
        merge: bool = False,
    ) -> ExecResult:
        """Run a command to its end. ``timeout`` is in seconds; a command that passed it is killed
        with all it started, and answers ``timed_out``.

        ``stdin`` may have any size. At most ``cap`` bytes (<= 512 KiB) are kept of each output;
        with ``log`` a file in the box gets all of it when something was cut. Cancelling the task
        kills the command before it returns.
        """
        args = command(cmd, argv)
        if cwd is not None:
            args["cwd"] = cwd
        if env:
            args["env"] = dict(env)
        if timeout is not None:
            args["timeout"] = timeout
        if cap != CAP:
            args["cap"] = cap
        if not log:
            args["log"] = False
        if merge:
            args["merge"] = True
        connection = self.connection
        deadline = FOREVER if timeout is None else timeout + connection.deadlines.answer
        if len(stdin) > MAX_BODY:
            return await self._exec_with_long_input(args, stdin, cap, deadline)
        result, body = await connection.request("exec", args, stdin, deadline)
        return self._built(lambda r, b: exec_result(r, b, cap), result, body)

    async def _exec_with_long_input(
        self, args: dict[str, Any], stdin: bytes, cap: int, deadline: float
    ) -> ExecResult:
        args["stdin"] = True
        call = await self.connection.open("exec", args, sends=True)
        call.expire_in(deadline)
        try:
            if await call.send(stdin):
                call.send_eof()
            result, body = await call.finished()
        finally:
            await call.stop(self.connection.deadlines.cancel)
        return self._built(lambda r, b: exec_result(r, b, cap), result, body)

    def exec_stream(
        self,
        cmd: str | None = None,
        *,
        argv: list[str] | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        stdin: bytes | None = b"",
        terminal: Terminal | None = None,
        merge: bool = False,
        keep: int = 0,
    ) -> Running:
        """A command whose output comes while it runs: ``async with client.exec_stream(...) as
        run: async for piece in run``. ``stdin`` None: it is written with ``run.write``. With
        ``keep`` the result also holds that many bytes of each output, as ``exec`` tells them."""
        pty = None
        if terminal is not None:
            pty = {"rows": terminal.rows, "cols": terminal.cols, "term": terminal.term}
        more = given(cwd=cwd, env=environment(env), timeout=timeout, pty=pty)
        args = {**command(cmd, argv), **more, "stream": True}
        if merge:
            args["merge"] = True
        if keep:
            args.update(keep=True, cap=keep)
        if stdin is None:
            args["stdin"] = True
        return Running(self.connection, args, stdin or b"", sends=stdin is None, keep=keep)

    async def job_start(
        self,
        cmd: str | None = None,
        *,
        argv: list[str] | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
        limit: int | None = None,
    ) -> JobStarted:
        """Start a command that outlives this connection. Of its output about the last ``limit``
        bytes are kept."""
        more = given(cwd=cwd, env=environment(env), name=name, limit=limit)
        return await self._call("job.start", {**command(cmd, argv), **more}, job_started)

    async def job_list(self) -> tuple[Job, ...]:
        return await self._call("job.list", {}, lambda r: objects(r, "jobs", job))

    async def job_read(
        self, id: str, offset: int = 0, limit: int = 65536, wait: float = 0.0
    ) -> JobOutput:
        """Its output from ``offset`` (negative: from the end), at most ``limit`` bytes; waits at
        most ``wait`` seconds (<= 60) for the first byte or the job's end."""
        args = {"id": id, "offset": offset, "limit": limit, "wait": wait}
        return await self._call_for_bytes(
            "job.read", args, lambda r, b: job_output(r, b, limit), wait
        )

    async def job_input(self, id: str, data: bytes = b"", eof: bool = False) -> int:
        """Write to its stdin (at most 1 MiB at once); how many bytes it took."""
        args = {"id": id, "eof": eof}
        return await self._call("job.input", args, _written(len(data)), data)

    async def job_signal(self, id: str, signal: str = "TERM", tree: bool = True) -> tuple[int, ...]:
        """Signal it, with ``tree`` all it started; the pids that got the signal."""
        args = {"id": id, "signal": signal, "tree": tree}
        return await self._call("job.signal", args, _signalled)

    def forward(self, port: int, host: str = "127.0.0.1") -> Tunnel:
        """A TCP connection to a port inside the box: ``async with client.forward(port) as t``."""
        return Tunnel(self.connection, "forward", {"port": port, "host": host}, sends=True)


def _written(most: int) -> Any:
    return lambda r: integer(r, "written", 0, most)


def _signalled(r: Fields) -> tuple[int, ...]:
    return tuple(pid for pid in integers(r, "signalled", MAX_SIGNALLED) if pid <= MAX_PID)
