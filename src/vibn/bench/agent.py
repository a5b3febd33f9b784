"""The agent itself: how soon it is ready, what it takes, and whether that grows."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from vibn.bench.figures import Figure, Row, in_turns
from vibn.bench.subject import Subject, host
from vibn.outcomes import AgentUse
from vibn.runtimes import zipapp

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3"


async def boot(subject: Subject) -> list[Row]:
    """the agent's start until it accepts, against an empty interpreter"""
    directory = Path(tempfile.mkdtemp(prefix="vibn-boot-"))
    try:
        agent = await asyncio.to_thread(zipapp.build, directory, PYTHON)
        samples = await in_turns(
            subject.rounds(40),
            ours=lambda: _started(agent, directory),
            empty=lambda: host([PYTHON, "-I", "-S", "-c", "pass"]),
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    ours = Figure.of("agent ready", samples["ours"])
    peer = Figure.of("python3 -I -S -c pass", samples["empty"])
    return [Row(ours.name, ours, (peer,), "<= 3 x an empty python3", ours.p50 <= 3 * peer.p50)]


async def _started(agent: Path, directory: Path) -> None:
    """Start an agent, connect, and end it (which is a millisecond of the figure)."""
    path = directory / "a.sock"
    path.unlink(missing_ok=True)
    options = ["--workspace", str(directory), "--state", str(directory / "state")]
    process = subprocess.Popen(
        [PYTHON, "-I", "-S", str(agent), "serve", "--socket", str(path), *options],
        env={"HOME": str(directory), "PATH": os.environ["PATH"]},
    )
    try:
        deadline = time.monotonic() + 10
        while not _accepts(path):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError("the agent did not start")
            time.sleep(0.0002)
    finally:
        process.kill()
        process.wait()


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect(str(path))
        except OSError:
            return False
    return True


async def endurance(subject: Subject) -> list[Row]:
    """10,000 commands: the agent's memory, and the cost of the last against the first"""
    where = await subject.running("long")
    client = await subject.app.boxes.agent(*where)
    count = subject.rounds(10_000)
    costs: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        await client.exec("true")
        costs.append((time.perf_counter() - begun) * 1000)
    used = (await client.info()).agent
    tenth = count // 10
    last = Figure.of("exec, the last tenth", costs[-tenth:])
    first = Figure.of("the first tenth", costs[tenth // 10 : tenth])
    name = f"after {count:,} commands"
    return [
        *_memory(used, name),
        Row(f"exec cost {name}", last, (first,), "as the first", last.p50 <= 1.1 * first.p50),
    ]


def _memory(used: AgentUse, when: str) -> list[Row]:
    rows: list[Row] = []
    if used.private is not None:
        private = Figure.of("agent private memory", [used.private / 1e6], "MB")
        rows.append(Row(f"{private.name} {when}", private, (), "<= 12 MB", private.p50 <= 12))
    if used.rss is not None:
        rows.append(Row(f"agent RSS {when}", Figure.of("agent RSS", [used.rss / 1e6], "MB")))
    return rows
