"""The tool for commands in the foreground, and what commands have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vibn.services.calls import Call
from vibn.services.shell import MAX_BYTES, MAX_TIMEOUT_MS, TIMEOUT_MS, ShellResult
from vibn.tools.aliases import SECONDS, renamed
from vibn.tools.arguments import Arguments, Environment, Whole, variables
from vibn.tools.telling import noted
from vibn.tools.tool import Tool

Command = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100_000,
        description="Shell command line, run by /bin/sh; pipes, && and quotes work.",
    ),
]
Directory = Annotated[
    str,
    Field(
        max_length=4096,
        description="Directory to run in, absolute or beneath /workspace. Default /workspace.",
    ),
]
COMMAND_NAMES = (*renamed("command", "cmd"), *renamed("cwd", "workdir", "working_directory"))


class ExecArguments(Arguments):
    command: Command
    cwd: Directory = ""
    env: Environment = ()
    timeout_ms: Whole = Field(
        TIMEOUT_MS,
        ge=1,
        le=MAX_TIMEOUT_MS,
        description=(
            "Milliseconds until the command is killed with all it started. "
            f"Default {TIMEOUT_MS}, at most {MAX_TIMEOUT_MS}."
        ),
    )
    max_bytes: Whole = Field(
        MAX_BYTES,
        ge=1,
        le=512 * 1024,
        description=(
            "Bytes to keep of each of stdout and stderr, half from the start and half from the "
            f"end. Default {MAX_BYTES}."
        ),
    )
    user: Literal["vibn", "root"] = Field(
        "vibn",
        description=(
            "User to run as. Default vibn, who owns /workspace; root is for installing system "
            "packages, where the runtime has it."
        ),
    )


async def _exec(call: Call, arguments: ExecArguments) -> ShellResult:
    return await call.shell.exec(
        call.workspace,
        call.project,
        arguments.command,
        cwd=arguments.cwd,
        env=variables(arguments.env),
        timeout_ms=arguments.timeout_ms,
        max_bytes=arguments.max_bytes,
        user=arguments.user,
        progress=call.progress,
    )


def _render(result: ShellResult) -> str:
    body = result.stdout
    if result.stderr:
        end = "" if not body or body.endswith("\n") else "\n"
        body = f"{body}{end}[stderr]\n{result.stderr}"
    ended = f"exit {result.exit}" if result.signal is None else f"killed by {result.signal}"
    return noted(body, f"{ended}, {result.ms:.0f} ms", *result.notes)


TOOLS = (
    Tool(
        name="shell_exec",
        title="Run a command",
        description=(
            "Run a shell command in the project's dev container and wait for its end: build, "
            "test, git, package managers, curl. Each call is a new shell in /workspace, so cd and "
            "exports do not last; use cwd and env, or chain with &&. There is no terminal and no "
            "input: pass flags such as --yes. Returns stdout, then stderr under [stderr], then a "
            "line with the exit status and notes (timed out, out of memory, processes left). Long "
            "output is cut in its middle and the path of the full log is told. For servers, "
            "watchers and work of more than a few minutes use shell_start."
        ),
        arguments=ExecArguments,
        result=ShellResult,
        run=_exec,
        render=_render,
        destructive=True,
        open_world=True,
        paths=("cwd",),
        aliases=(*COMMAND_NAMES, *SECONDS),
    ),
)
