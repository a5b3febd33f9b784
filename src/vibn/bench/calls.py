"""The cost of one call into a running box, and how many a second there can be."""

from __future__ import annotations

import asyncio
import time

from vibn.bench.engine import engine
from vibn.bench.figures import Figure, Row, elapsed, in_turns
from vibn.bench.subject import Subject, host
from vibn.errors import RuntimeUnavailable

TEN_KB = "0123456789abcde\n" * 640


async def shell(subject: Subject) -> list[Row]:
    """shell_exec true against subprocess.run, and docker exec"""
    where = await subject.running()
    samples = await in_turns(
        subject.rounds(500),
        ours=lambda: subject.app.shell.exec(*where, "true"),
        host=lambda: host(["sh", "-c", "true"]),
    )
    ours = Figure.of("shell_exec true", samples["ours"])
    peer = Figure.of("subprocess.run", samples["host"])
    rows = [Row("shell_exec true", ours, (peer,), "<= 2 x subprocess.run", met(ours, peer, 2))]
    return rows + await against_docker_exec(subject)


async def against_docker_exec(subject: Subject) -> list[Row]:
    try:
        container = await subject.container()
    except RuntimeUnavailable:
        return []
    where = await subject.running()
    samples: dict[str, list[float]] = {"ours": [], "api": [], "cli": []}
    async with engine() as peer:
        for _ in range(subject.rounds(40)):
            # The engine goes on working after its exec has answered: that is not our time.
            await asyncio.sleep(0.2)
            turn = await in_turns(10, ours=lambda: subject.app.shell.exec(*where, "true"))
            samples["ours"] += turn["ours"]
            samples["api"].append(await elapsed(lambda: peer.exec_api(container)))
            samples["cli"].append(await elapsed(lambda: peer.exec_cli(container)))
    ours = Figure.of("shell_exec true", samples["ours"])
    peers = (Figure.of("exec API", samples["api"]), Figure.of("docker exec", samples["cli"]))
    budget = ">= 30 x faster than docker exec"
    name = "shell_exec true, ten for each docker exec"
    return [Row(name, ours, peers, budget, met(ours, peers[1], 1 / 30))]


async def files(subject: Subject) -> list[Row]:
    """fs_write and fs_read of 10 KB"""
    where = await subject.running()
    samples = await in_turns(
        subject.rounds(500),
        write=lambda: subject.app.files.write(*where, "ten.txt", TEN_KB),
        read=lambda: subject.app.files.read(*where, "ten.txt"),
    )
    figures = (
        Figure.of("fs_write 10 KB", samples["write"]),
        Figure.of("fs_read 10 KB", samples["read"]),
    )
    return [Row(f.name, f, (), "<= 1 ms", f.p50 <= 1) for f in figures]


async def throughput(subject: Subject) -> list[Row]:
    """exec/s, 16 callers over 4 boxes"""
    boxes = [await subject.running(f"many-{n}") for n in range(4)]
    each = subject.rounds(250)

    async def caller(number: int) -> None:
        for _ in range(each):
            await subject.app.shell.exec(*boxes[number % 4], "true")

    rates: list[float] = []
    for _ in range(3):
        begun = time.perf_counter()
        await asyncio.gather(*(caller(number) for number in range(16)))
        rates.append(16 * each / (time.perf_counter() - begun))
    figure = Figure.of("exec/s", rates, "/s")
    return [Row("exec/s, 16 callers over 4 boxes", figure, (), ">= 1,000", figure.p50 >= 1000)]


async def warm_path(subject: Subject) -> list[Row]:
    """the services' own part of a call: locate, checks, pool"""
    where = await subject.running()
    samples = await in_turns(
        subject.rounds(1000),
        ours=lambda: subject.app.boxes.agent(*where),
        select=lambda: subject.app.store.locate(*where),
    )
    ours = Figure.of("enter a running box", samples["ours"])
    return [Row(ours.name, ours, (Figure.of("the SELECT alone", samples["select"]),))]


def met(ours: Figure, peer: Figure, factor: float) -> bool:
    return ours.p50 <= peer.p50 * factor


ALL = (shell, files, warm_path, throughput)
