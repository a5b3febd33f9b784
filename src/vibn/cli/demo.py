"""``vibn demo``: the main job in front of the reader, with a real box.

Every step is one call of the services, as an agent's tool call would be; a step that does not
come out as it should ends the demo with exit status 1 and its name.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files as package_files
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vibn.app import App, open_app
from vibn.cli.setup import chosen, line
from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import BoxState, Tier
from vibn.outcomes import GrepMode, Job, JobState
from vibn.services.shell import ShellResult

T = TypeVar("T")

WORKSPACE = "demo"
PROJECT = "shop"
TESTS = "python3 -m unittest -v"
LONG_JOB = "for i in 1 2 3 4 5; do echo order $i packed; sleep 0.2; done; echo all shipped"


class StepFailed(Exception):
    """A step did not come out as it should."""


@dataclass
class Steps:
    """Prints each step as it runs, and the table at the end."""

    console: Console
    times: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    async def run(self, call: str, act: Awaitable[T], tell: Callable[[T], str]) -> T:
        number = len(self.times) + 1
        self.console.print(f"[bold cyan]{number:2}[/] [bold]{escape(call)}[/]")
        begun = time.perf_counter()
        try:
            value = await act
            outcome = tell(value)
        except (VibnError, StepFailed) as error:
            raise StepFailed(f"step {number}, {call}: {error}") from error
        ms = (time.perf_counter() - begun) * 1000
        self.times.append((call, ms))
        for text in outcome.splitlines() or [""]:
            self.console.print(f"   [dim]│[/] {escape(text)}", highlight=False)
        self.console.print(f"   [dim]└ {ms:.1f} ms[/]")
        return value

    def table(self) -> Table:
        table = Table("step", "tool call", title="What it took", title_justify="left")
        table.add_column("ms", justify="right")
        for number, (call, ms) in enumerate(self.times, 1):
            table.add_row(str(number), escape(call), f"{ms:.1f}")
        table.add_section()
        table.add_row("", "all steps", f"{sum(ms for _, ms in self.times):.1f}")
        return table


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise StepFailed(otherwise)


@asynccontextmanager
async def playground(settings: Settings, keep: bool) -> AsyncIterator[App]:
    """An installation of its own that leaves nothing behind; with ``keep``, the usual one."""
    if keep:
        async with open_app(settings) as app:
            yield app
        return
    directory = Path(tempfile.mkdtemp(prefix="vibn-demo-"))
    directory.chmod(0o711)
    try:
        async with open_app(settings.alone_in(directory)) as app:
            try:
                yield app
            finally:
                await app.projects.delete(WORKSPACE, PROJECT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def run(keep: bool = False) -> int:
    console = Console(soft_wrap=True)
    settings = Settings()
    steps = Steps(console)
    try:
        decided = await chosen(settings)
        console.print(line(decided))
        settings = settings.model_copy(update={"runtime": decided.name})
        async with playground(settings, keep) as app:
            await app.projects.ensure(WORKSPACE, PROJECT)
            await perform(app, steps)
    except (StepFailed, VibnError) as failure:
        console.print(f"[bold red]FAILED[/] {escape(str(failure))}")
        return 1
    console.print(steps.table())
    if keep:
        console.print(f"Kept: project {PROJECT} of workspace {WORKSPACE} in {settings.state_dir}.")
        console.print("`vibn demo --remove` removes it.")
    return 0


async def remove() -> int:
    """What a kept demo left; there may be nothing."""
    async with open_app(Settings()) as app:
        await app.projects.delete(WORKSPACE, PROJECT)
    print(f"project {PROJECT} of workspace {WORKSPACE} is gone")
    return 0


async def perform(app: App, steps: Steps) -> None:
    """The story: build, test, mend, look, run, sleep, wake."""
    await build(app, steps)
    await mend(app, steps)
    await look(app, steps)
    await follow(app, steps)
    await sleep_and_wake(app, steps)


async def build(app: App, steps: Steps) -> None:
    await steps.run(
        "devcontainer_ensure()",
        app.boxes.ensure(WORKSPACE, PROJECT),
        lambda box: f"{box.state}, {'created' if box.created else 'was there'}",
    )
    for name in ("service.py", "test_service.py"):
        text = (package_files("vibn.cli") / "shop" / name).read_text()
        await steps.run(
            f'fs_write("{name}", ... {len(text.splitlines())} lines)',
            app.files.write(WORKSPACE, PROJECT, name, text),
            lambda written: f"{'created' if written.created else 'replaced'}, {written.size} bytes",
        )


async def mend(app: App, steps: Steps) -> None:
    tests = partial(app.shell.exec, WORKSPACE, PROJECT, TESTS)
    await steps.run(f'shell_exec("{TESTS}")', tests(), red)
    await steps.run(
        'fs_edit("service.py", "1 - discount", "1 - discount / 100")',
        app.files.edit(WORKSPACE, PROJECT, "service.py", "1 - discount", "1 - discount / 100"),
        lambda edited: f"{edited.replaced} place, line {edited.line}\n{edited.diff}",
    )
    await steps.run(f'shell_exec("{TESTS}")', tests(), green)


def red(result: ShellResult) -> str:
    expect(result.exit == 1 and "FAILED (failures=1)" in result.stderr, result.stderr)
    return f"exit 1: a test fails, as it should\n{tail(result.stderr, 8)}"


def green(result: ShellResult) -> str:
    expect(result.exit == 0 and "OK" in result.stderr, result.stderr)
    return f"exit 0\n{tail(result.stderr, 3)}"


def tail(text: str, lines: int) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


async def look(app: App, steps: Steps) -> None:
    await steps.run(
        'fs_grep("def ", output_mode="content")',
        app.files.grep(WORKSPACE, PROJECT, "def ", mode=GrepMode.CONTENT, limit=4),
        lambda found: "\n".join(f"{m.path}:{m.line}: {m.text.strip()}" for m in found.matches),
    )
    await steps.run(
        'fs_read("service.py", offset=9, limit=2)',
        app.files.read(WORKSPACE, PROJECT, "service.py", offset=9, limit=2),
        lambda read: read.numbered(),
    )


async def follow(app: App, steps: Steps) -> None:
    """A job goes on by itself; its output is read in pieces as it comes."""
    job = await steps.run(
        f'shell_start("{LONG_JOB[:42]}...")',
        app.shell.start(WORKSPACE, PROJECT, LONG_JOB),
        lambda job: f"job {job}",
    )
    offset = 0
    for _ in range(50):
        output = await steps.run(
            f'shell_read(id="{job}", offset={offset}, wait_ms=1000)',
            app.shell.read(WORKSPACE, PROJECT, job, offset=offset, wait_ms=1000),
            lambda output: output.data.decode() + state_of(output.job),
        )
        offset = output.next
        if output.job.state is not JobState.RUNNING and offset == output.job.size:
            return
    raise StepFailed("the long job did not end")


def state_of(job: Job) -> str:
    return job.state if job.exit is None else f"{job.state}, exit {job.exit}"


async def sleep_and_wake(app: App, steps: Steps) -> None:
    tiers = [Tier.FROZEN, Tier.STOPPED] if app.runtime.capabilities.freeze else [Tier.STOPPED]
    for tier in tiers:
        await steps.run(
            f'devcontainer_suspend(tier="{tier}")',
            app.boxes.suspend(WORKSPACE, PROJECT, tier),
            lambda status: f"{status.state} ({status.tier})",
        )
        await steps.run(
            'shell_exec("ls")    (wakes it)',
            app.shell.exec(WORKSPACE, PROJECT, "ls"),
            found_again,
        )
    status = await app.boxes.status(WORKSPACE, PROJECT)
    expect(status.state is BoxState.RUNNING, f"the box is {status.state}")


def found_again(result: ShellResult) -> str:
    names = result.stdout.split()
    expect("service.py" in names and "test_service.py" in names, f"files are missing: {names}")
    return "running again, the files are there: " + " ".join(names)
