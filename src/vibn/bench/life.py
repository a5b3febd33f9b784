"""How long a box takes to come, to sleep and to wake, each until its first command answered."""

from __future__ import annotations

from vibn.bench.calls import met
from vibn.bench.engine import engine
from vibn.bench.figures import Figure, Row, elapsed
from vibn.bench.subject import WORKSPACE, Subject
from vibn.errors import RuntimeUnavailable
from vibn.models import Tier


async def first(subject: Subject) -> list[Row]:
    """first ensure to first exec: cold, from the warm pool, and the engine's own create + start"""
    app, rounds = subject.app, subject.rounds(8)
    where = await subject.project("fresh")
    cold: list[float] = []
    warm: list[float] = []
    alone: list[float] = []
    networked: list[float] = []

    async def ensure_and_exec() -> None:
        await app.boxes.ensure(*where)
        await app.shell.exec(*where, "true")

    for _ in range(rounds):
        await app.boxes.warm.drain()
        cold.append(await elapsed(ensure_and_exec))
        await app.boxes.delete(*where, volumes=True)
        await app.boxes.warm.refill()
        warm.append(await elapsed(ensure_and_exec))
        await app.boxes.delete(*where, volumes=True)
        if app.runtime.name == "docker":
            async with engine() as peer:
                alone.append(await peer.create_and_start(app.settings.dev_image))
                networked.append(await peer.create_and_start(app.settings.dev_image, True))
    ours = Figure.of("first ensure to first exec", cold)
    pooled = Figure.of("from the warm pool", warm)
    rows = [Row("first ensure to first exec, warm pool", pooled, (), "<= 60 ms", pooled.p50 <= 60)]
    if not alone:
        return [Row(ours.name, ours), *rows]
    docker = Figure.of("docker create + start", alone)
    fuller = Figure.of("the same with a network of its own", networked)
    budget = "<= 1.15 x docker's create + start"
    return [Row(ours.name, ours, (docker, fuller), budget, met(ours, docker, 1.15)), *rows]


async def sleep(subject: Subject) -> list[Row]:
    """resume to first exec, from frozen and from stopped"""
    app = subject.app
    where = await subject.running()
    rows: list[Row] = []
    if app.runtime.capabilities.freeze:
        times = await _resumes(subject, Tier.FROZEN, subject.rounds(30))
        frozen = Figure.of("resume from frozen to first exec", times)
        rows.append(Row(frozen.name, frozen, (), "<= 30 ms", frozen.p50 <= 30))
    rounds = subject.rounds(8)
    stopped = Figure.of(
        "resume from stopped to first exec", await _resumes(subject, Tier.STOPPED, rounds)
    )
    try:
        container = await subject.container()
    except RuntimeUnavailable:
        return [*rows, Row(stopped.name, stopped)]
    async with engine() as docker:
        alone = [await docker.restart(container) for _ in range(rounds)]
    await app.boxes.ensure(*where)
    peer = Figure.of("docker start", alone)
    budget = "<= 1.15 x docker start"
    return [*rows, Row(stopped.name, stopped, (peer,), budget, met(stopped, peer, 1.15))]


async def _resumes(subject: Subject, tier: Tier, rounds: int) -> list[float]:
    app, times = subject.app, list[float]()
    for _ in range(rounds):
        await app.boxes.suspend(WORKSPACE, "main", tier)
        times.append(await elapsed(lambda: app.shell.exec(WORKSPACE, "main", "true")))
    return times
