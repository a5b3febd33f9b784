"""What the server adds to a call, how many it takes, and what it needs for that."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from vibn.bench.calls import met
from vibn.bench.figures import Figure, Row, elapsed, in_turns
from vibn.bench.subject import Subject
from vibn.bench.wire import VERSION, Wire
from vibn.errors import Unavailable

CLIENTS = 16
LONG = 45
NOISY = "while :; do echo line; sleep 0.5; done"


class Place:
    """A running server: its address, its token, its process."""

    def __init__(self, url: str, token: str, pid: int) -> None:
        self._url = url
        self._token = token
        self._pid = pid
        self._wires: list[Wire] = []

    @property
    def mcp(self) -> str:
        return f"{self._url}/api/mcp"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def wire(self) -> Wire:
        self._wires.append(Wire(self._url, self._token))
        return self._wires[-1]

    def close(self) -> None:
        for wire in self._wires:
            wire.close()

    def rss(self) -> float:
        """Megabytes."""
        pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@asynccontextmanager
async def served(subject: Subject) -> AsyncIterator[Place]:
    """A server in a process of its own. Raises Unavailable when it does not come up."""
    directory = Path(tempfile.mkdtemp(prefix="vibn-bench-"))
    directory.chmod(0o711)
    ours = {"VIBN_STATE_DIR": str(directory), "VIBN_RUNTIME": subject.app.runtime.name}
    env = {**os.environ, **ours, "VIBN_DATABASE_URL": "", "VIBN_WARM_POOL": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vibn.bench.served"),
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        if not line:
            raise Unavailable("The server that was to be measured did not come up.")
        place = Place(**json.loads(line), pid=process.pid)
        try:
            yield place
        finally:
            place.close()
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 120)
        except TimeoutError:
            process.kill()
            await process.wait()
        shutil.rmtree(directory, ignore_errors=True)


async def over_mcp(subject: Subject) -> list[Row]:
    """shell_exec through MCP over HTTP, one client and sixteen"""
    async with served(subject) as place:
        wire = place.wire()
        await project(wire, "main")
        rows = [await with_the_sdk(subject, place), await against_nothing(subject, wire)]
        rows.append(await throughput(subject, place))
        rows.append(await under_load(subject, place))
        rows.append(await with_many_projects(subject, wire))
        rows.append(await with_many_boxes(subject, place))
    return rows


async def project(wire: Wire, slug: str) -> None:
    await wire.tool("projects_create", slug=slug)
    await wire.tool("shell_exec", project=slug, command="true")


async def with_the_sdk(subject: Subject, place: Place) -> Row:
    """As clients call it: by the official SDK's client."""
    async with (
        httpx2.AsyncClient(headers=place.headers, timeout=60) as http,
        Client(streamable_http_client(place.mcp, http_client=http), mode=VERSION) as client,
    ):
        arguments = {"project": "main", "command": "true"}
        samples = await in_turns(
            subject.rounds(300),
            ours=lambda: client.call_tool("shell_exec", arguments),
            nothing=lambda: client.call_tool("nothing", {}),
        )
    ours = Figure.of("shell_exec true over MCP", samples["ours"])
    peer = Figure.of("a tool that does nothing", samples["nothing"])
    name = "shell_exec true over MCP, the SDK's client"
    return Row(name, ours, (peer,), "<= 1.5 x a trivial tool", met(ours, peer, 1.5))


async def against_nothing(subject: Subject, wire: Wire) -> Row:
    """By a client that costs next to nothing, so that nearly all of it is the server's."""
    samples = await in_turns(
        subject.rounds(500),
        ours=lambda: wire.tool("shell_exec", project="main", command="true"),
        nothing=lambda: wire.tool("nothing"),
    )
    ours = Figure.of("shell_exec true over MCP", samples["ours"])
    peer = Figure.of("a tool that does nothing", samples["nothing"])
    return Row("shell_exec true over MCP, a bare client", ours, (peer,))


async def throughput(subject: Subject, place: Place) -> Row:
    each = subject.rounds(60)

    async def client() -> None:
        wire = place.wire()
        for _ in range(each):
            await wire.tool("shell_exec", project="main", command="true")

    rates: list[float] = []
    for _ in range(3):
        begun = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        rates.append(CLIENTS * each / (time.perf_counter() - begun))
    figure = Figure.of("calls/s", rates, "/s")
    return Row(f"MCP calls/s, {CLIENTS} clients", figure, (), ">= 400", figure.p50 >= 400)


async def under_load(subject: Subject, place: Place) -> Row:
    """A light call in one box, while another box runs long commands for other clients."""
    wire, rounds = place.wire(), subject.rounds(400)
    await project(wire, "busy")
    await wire.tool("fs_write", project="main", file_path="light.txt", content="light\n")

    async def lights() -> list[float]:
        call = [
            await elapsed(lambda: wire.tool("fs_read", project="main", file_path="light.txt"))
            for _ in range(rounds)
        ]
        return sorted(call)

    idle = await lights()
    long = [
        asyncio.create_task(
            place.wire().tool("shell_exec", project="busy", command=NOISY, timeout_ms=600_000)
        )
        for _ in range(LONG)
    ]
    await asyncio.sleep(2)
    busy = await lights()
    for task in long:
        task.cancel()
    await asyncio.gather(*long, return_exceptions=True)
    ours, peer = Figure.of("busy", [p99(busy)]), Figure.of("p99 when idle", [p99(idle)])
    name = f"p99 of fs_read over MCP beside {LONG} long commands"
    return Row(name, ours, (peer,), "<= 3 x when idle", met(ours, peer, 3))


def p99(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


async def with_many_projects(subject: Subject, wire: Wire) -> Row:
    async def calls() -> Figure:
        samples = await in_turns(
            subject.rounds(300),
            ours=lambda: wire.tool("shell_exec", project="main", command="true"),
        )
        return Figure.of("with a few", samples["ours"])

    few = await calls()
    for number in range(1000):
        await wire.tool("projects_create", slug=f"many-{number}")
    many = await calls()
    name = "shell_exec over MCP with 1,000 projects"
    return Row(name, many, (few,), "as with a few", met(many, few, 1.15))


async def with_many_boxes(subject: Subject, place: Place) -> Row:
    wire, boxes = place.wire(), max(5, subject.rounds(100))
    for number in range(boxes):
        await wire.tool("shell_exec", project=f"many-{number}", command="true")
    figure = Figure.of("RSS", [place.rss()], "MB")
    name = f"server RSS with {boxes} running boxes"
    return Row(name, figure, (), "<= 150 MB", figure.p50 <= 150)


ALL = (over_mcp,)
