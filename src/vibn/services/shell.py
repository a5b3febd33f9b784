"""Commands in a project's dev container: in the foreground to their end, or as jobs.

Defaults and caps: a foreground command gets 120 s unless told otherwise, at most one hour; of each
of stdout and stderr 30,000 bytes are kept, half from the head and half from the tail, and the path
of the full log is told. Values of the project's secrets are masked in everything that comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from vibn.channel import AgentClient, Pool, Running
from vibn.errors import InvalidInput, Unsupported
from vibn.models import BoxRef
from vibn.outcomes import ExecResult, Job, JobOutput, JobState, Process, Terminal
from vibn.services.environment import Environment, Variables
from vibn.services.life.way import Way
from vibn.services.masking import margin_of, mask_cut, mask_part
from vibn.services.running import Progress, ShellRun, told_by

TIMEOUT_MS = 120_000
MAX_TIMEOUT_MS = 3_600_000
MAX_BYTES = 30_000
USERS = ("vibn", "root")
READ_LIMIT = 65_536
LOG_LIMIT = 64 * 1024 * 1024
"""Bytes that the agent keeps of one command's output in its log."""
MAX_TOLD_STDIN = 1 << 20
"""Bytes of input with which a command can still be followed."""
LOGIN = 'exec "$(command -v bash || command -v sh)" -l'


@dataclass(frozen=True, slots=True)
class ShellResult:
    """How a command ended, as text. ``stdout`` and ``stderr`` hold a marker where the middle was
    cut; ``log`` is the file in the box with all of it. ``notes`` say, a line each, what a reader
    of the exit status alone would miss: timed out, out of memory, what was killed or left."""

    exit: int | None
    signal: str | None
    stdout: str
    stderr: str
    ms: float
    timed_out: bool
    oom: bool
    truncated: bool
    log: str | None
    killed: tuple[Process, ...]
    left: tuple[Process, ...]
    notes: tuple[str, ...]


class ShellStream(ShellRun):
    """A command that runs, whose end is told as that of others."""

    def __init__(self, running: Running, variables: Variables, timeout_ms: int | None) -> None:
        super().__init__(running, variables)
        self._variables = variables
        self._timeout_ms = timeout_ms

    async def result(self) -> ShellResult:
        """How it ended; waits for that. Its output is not in it."""
        ended = replace(await self.ended(), stdout_total=0, stderr_total=0)
        return _told(ended, self._variables, self._timeout_ms or MAX_TIMEOUT_MS)


class Shell:
    def __init__(self, way: Way, pool: Pool, environment: Environment) -> None:
        self._way = way
        self._pool = pool
        self._environment = environment

    async def exec(
        self,
        workspace: str,
        project: str,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout_ms: int = TIMEOUT_MS,
        max_bytes: int = MAX_BYTES,
        user: str = "vibn",
        stdin: bytes = b"",
        progress: Progress | None = None,
    ) -> ShellResult:
        """Run ``command`` by /bin/sh in ``cwd`` (default /workspace) to its end; ``progress``
        hears the tail of its output about each second. Cancelling kills it and all it started.

        Makes or wakes the box first. Raises InvalidInput (empty command, limits), FileMissing
        (cwd), Unsupported (root where the runtime has none), AgentLost (retryable).
        """
        check_command(command)
        check_range("timeout_ms", timeout_ms, 1, MAX_TIMEOUT_MS)
        check_range("max_bytes", max_bytes, 1, 512 * 1024)
        async with self._inside(workspace, project, user) as (client, variables):
            where, all_env = cwd.strip() or None, {**variables.all, **(env or {})}
            timeout = timeout_ms / 1000
            if progress is None or len(stdin) > MAX_TOLD_STDIN:
                result = await client.exec(
                    command, cwd=where, env=all_env, timeout=timeout, stdin=stdin, cap=max_bytes
                )
            else:
                async with client.exec_stream(
                    command, cwd=where, env=all_env, timeout=timeout, stdin=stdin, keep=max_bytes
                ) as running:
                    result = await told_by(ShellRun(running, variables), progress)
        return _told(result, variables, timeout_ms)

    @asynccontextmanager
    async def stream(
        self,
        workspace: str,
        project: str,
        command: str | None,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout_ms: int | None = TIMEOUT_MS,
        user: str = "vibn",
        terminal: Terminal | None = None,
    ) -> AsyncIterator[ShellStream]:
        """Run ``command`` (None: a login shell) with its output as it comes, and its stdin as it
        is written. Leaving the block before its end kills it and all it started. ``timeout_ms``
        None: no limit, as for a person's terminal."""
        if command is not None:
            check_command(command)
        if timeout_ms is not None:
            check_range("timeout_ms", timeout_ms, 1, MAX_TIMEOUT_MS)
        async with (
            self._inside(workspace, project, user) as (client, variables),
            client.exec_stream(
                LOGIN if command is None else command,
                cwd=cwd.strip() or None,
                env={**variables.all, **(env or {})},
                timeout=None if timeout_ms is None else timeout_ms / 1000,
                stdin=None,
                terminal=terminal,
            ) as running,
        ):
            yield ShellStream(running, variables, timeout_ms)

    async def start(
        self,
        workspace: str,
        project: str,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        name: str = "",
    ) -> str:
        """Start ``command`` as a job and return its id. It has no timeout, and goes on when the
        control plane or the agent restarts."""
        check_command(command)
        async with self._inside(workspace, project) as (client, variables):
            started = await client.job_start(
                command,
                cwd=cwd.strip() or None,
                env={**variables.all, **(env or {})},
                name=name or None,
            )
        return started.id

    async def read(
        self,
        workspace: str,
        project: str,
        job: str,
        *,
        offset: int = 0,
        limit: int = READ_LIMIT,
        wait_ms: int = 0,
    ) -> JobOutput:
        """Output of a job from ``offset`` (negative: from the end); read on at ``next``. Waits at
        most ``wait_ms`` (<= 60,000) for something new. Raises JobNotFound."""
        check_range("limit", limit, 1, 1024 * 1024)
        check_range("wait_ms", wait_ms, 0, 60_000)
        async with self._inside(workspace, project) as (client, variables):
            output = await client.job_read(job, offset, limit, wait_ms / 1000)
            if variables.secret and output.data:
                return await _masked(client, output, variables)
        return output

    async def input(
        self, workspace: str, project: str, job: str, data: bytes, *, eof: bool = False
    ) -> int:
        """Write to a job's stdin; returns the number of bytes it took."""
        async with self._inside(workspace, project) as (client, _):
            return await client.job_input(job, data, eof)

    async def kill(
        self, workspace: str, project: str, job: str, *, signal: str = "TERM"
    ) -> tuple[int, ...]:
        """Signal a job and all it started; returns the pids that were signalled."""
        async with self._inside(workspace, project) as (client, _):
            return await client.job_signal(job, signal)

    async def list(self, workspace: str, project: str) -> tuple[Job, ...]:
        async with self._inside(workspace, project) as (client, _):
            return await client.job_list()

    @asynccontextmanager
    async def _inside(
        self, workspace: str, project: str, user: str = "vibn"
    ) -> AsyncIterator[tuple[AgentClient, Variables]]:
        if user not in USERS:
            raise InvalidInput(f"Unknown user {user[:40]!r}.", hint="Use vibn or root.")
        if user == "root" and not self._way.capabilities.root:
            raise Unsupported(
                "This runtime has no root inside the box.",
                hint="Install into the home directory, or use the docker runtime.",
            )
        inside = await self._way.enter(workspace, project)
        variables = await self._environment.of(inside.project, inside.secrets)
        if user == "vibn":
            yield inside.client, variables
            return
        async with self._pool.root(BoxRef(inside.box.box_id, inside.box.service_uuid)) as client:
            yield client, variables


def check_command(command: str) -> None:
    if not command.strip():
        raise InvalidInput("The command is empty.", hint="Pass a shell command, such as: ls -la")
    if "\0" in command:
        raise InvalidInput("The command holds a NUL byte.", hint="Pass such data by stdin.")


def check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidInput(f"{name} is {value}; it must be between {least} and {most}.")


def _told(result: ExecResult, variables: Variables, timeout_ms: int) -> ShellResult:
    whole = result.stdout_total + result.stderr_total <= LOG_LIMIT
    return ShellResult(
        exit=result.exit,
        signal=result.signal,
        stdout=_text(
            variables, result.stdout, result.stdout_head, result.stdout_total, result.log, whole
        ),
        stderr=_text(
            variables, result.stderr, result.stderr_head, result.stderr_total, result.log, whole
        ),
        ms=result.ms,
        timed_out=result.timed_out,
        oom=result.oom,
        truncated=result.truncated,
        log=result.log,
        killed=result.killed,
        left=result.left,
        notes=tuple(_notes(result, timeout_ms)),
    )


async def _masked(client: AgentClient, output: JobOutput, variables: Variables) -> JobOutput:
    """``output`` without secrets, also without those of which it holds a part: it is looked at
    with what stands around it, and an end that may be a secret's beginning is left for the next
    read while the job goes on."""
    values = [variables.all[name] for name in variables.secret]
    margin = margin_of(values)
    first = max(output.job.first, output.offset - margin)
    around = await client.job_read(output.job.id, first, output.next - first + margin)
    data, end = mask_part(
        around.data,
        max(0, output.offset - around.offset),
        max(0, output.next - around.offset),
        values,
        more=around.job.state is JobState.RUNNING or around.next < around.job.size,
    )
    return replace(output, data=data, next=around.offset + end)


def _text(
    variables: Variables, data: bytes, head: int, total: int, log: str | None, whole: bool
) -> str:
    """The kept output as text, without secrets."""
    if total <= len(data):
        return variables.masked(data).decode(errors="replace")
    values = [variables.all[name] for name in variables.secret]
    ends = mask_cut(data[:head], data[head:], values)
    first, last = (end.decode(errors="replace") for end in ends)
    where = f"; {'all' if whole else 'the first 64 MiB'} of it is in {log}" if log else ""
    return f"{first}\n[... {total - len(data)} bytes cut{where} ...]\n{last}"


def _notes(result: ExecResult, timeout_ms: int) -> list[str]:
    notes: list[str] = []
    if result.timed_out:
        notes.append(
            f"Timed out after {timeout_ms} ms and was killed. "
            "Pass a larger timeout_ms, or use shell_start for long work."
        )
    if result.oom:
        notes.append("Out of memory: the kernel killed a process of this command.")
    if result.killed:
        notes.append("Killed: " + ", ".join(f"{p.name} ({p.pid})" for p in result.killed))
    if result.left:
        left = ", ".join(f"{p.name} ({p.pid})" for p in result.left)
        notes.append(f"Still running: {left}. Use shell_start for background work.")
    return notes
