"""``vibn bench``: boxes of a project of its own are made, measured and removed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from vibn.app import open_app
from vibn.bench import agent, calls, life, surface, table
from vibn.bench.figures import Row
from vibn.bench.subject import Subject
from vibn.config import Settings
from vibn.errors import VibnError


async def run(output: Path | None, *, quick: bool = False) -> None:
    """Takes about two minutes, ``quick`` about half a minute. Raises VibnError; removes what it
    made in every case."""
    console = Console()
    console.width = max(console.width, 150)
    settings = Settings()
    directory = Path(tempfile.mkdtemp(prefix="vibn-bench-"))
    directory.chmod(0o711)
    rows: list[Row] = []
    skipped: list[str] = []
    try:
        async with open_app(settings.alone_in(directory, warm_pool=1)) as app:
            console.print(f"runtime: {app.runtime.name} ({app.runtime.capabilities.isolation})")
            subject = Subject(app, rounds=0.1 if quick else 1.0)
            try:
                for measure in (
                    agent.boot,
                    life.first,
                    *calls.ALL,
                    agent.endurance,
                    life.sleep,
                    *surface.ALL,
                ):
                    console.print(f"[dim]measuring: {(measure.__doc__ or '').splitlines()[0]}[/]")
                    try:
                        rows += await measure(subject)
                    except VibnError as error:
                        skipped.append(f"{measure.__module__}.{measure.__name__}: {error}")
            finally:
                await subject.remove()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    table.show(rows, console)
    for line in skipped:
        console.print(f"[yellow]not measured[/] {line}", highlight=False)
    if output is not None:
        table.write(rows, app.runtime.name, skipped, output)
        console.print(f"written: {output}")
