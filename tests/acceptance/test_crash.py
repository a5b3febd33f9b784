"""A control plane is killed at every fault point; the next one brings row and container together.

``control_plane.py`` holds the scenarios. Each is first run unharmed with every write of the store
and every verb of the runtime noted, which proves that no effect lacks a point; then once more for
each point, killed there.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import control_plane as plane

from vibn.config import Settings
from vibn.models import BoxState, RuntimeState, Tier
from vibn.runtimes import bubblewrap, docker
from vibn.services.life import seeding
from vibn.services.life.faults import Effect, Faults
from vibn.store.sql import open_store

LATER = 3600.0 * 2
"""Seconds that the second control plane's clock is ahead: every lease has run out."""


SCENARIOS = plane.SCENARIOS
POINTS = [
    (name, effect, moment)
    for name, scenario in SCENARIOS.items()
    for effect in dict.fromkeys(scenario.effects)
    for moment in ("before", "after")
]
FEWER = [
    point
    for point in POINTS
    if point[0] in ("create", "recreate", "delete") and point[2] == "after"
]
"""On Docker, where each takes seconds."""


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once for all tests here: migrating takes longer than the rest of a test."""
    place = tmp_path_factory.mktemp("crash")
    store = open_store(Settings(state_dir=place))

    async def make() -> None:
        await store.open()
        await store.close()

    asyncio.run(make())
    return place / "vibn.db"


@pytest.fixture
def state_dir(empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Short, for socket paths; open to the boxes' users; removed with all that is in it."""
    monkeypatch.delenv("VIBN_DATABASE_URL", raising=False)
    made = Path(tempfile.mkdtemp(prefix="vc"))
    made.chmod(0o711)
    shutil.copy(empty_database, made / "vibn.db")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def archive(state_dir: Path) -> Path:
    path = state_dir / "seed.tar"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("seeded.txt")
        entry.size = 6
        tar.addfile(entry, io.BytesIO(b"seeded"))
    return path


async def usable(runtime: str) -> None:
    """Skip with the reason when this machine cannot run it."""
    settings = Settings()
    found = await (docker.available(settings) if runtime == "docker" else bubblewrap.available())
    if not found.usable:
        pytest.skip(f"{runtime}: {found.reason}")


async def prepared(state_dir: Path, runtime: str, name: str, archive: Path) -> dict[str, Any]:
    """The volumes by box id, and the bystander's row, before the scenario."""
    await usable(runtime)
    scenario = SCENARIOS[name]
    async with plane.control_plane(state_dir, runtime, **dict(scenario.settings or {})) as first:
        if scenario.freezes and not first.runtime.capabilities.freeze:
            pytest.skip(f"{runtime} cannot freeze here")
        await plane.prepare(first, scenario, archive)
        return {
            "volumes": {box.ref.box_id for box in await first.runtime.list()},
            "bystander": (await first.store.locate("acme", "bystander")).box,
        }


async def removed(state_dir: Path, runtime: str) -> None:
    async with plane.control_plane(state_dir, runtime) as last:
        for box in await last.runtime.list():
            await last.runtime.remove(box.ref, volumes=True)


def killed_at(state_dir: Path, runtime: str, name: str, point: str) -> int:
    """The exit status of a control plane that does the scenario and dies at the point."""
    done = subprocess.run(
        [sys.executable, plane.__file__, str(state_dir), runtime, name],
        env={**os.environ, "VIBN_FAULTS": "on", "VIBN_FAULT": point},
        timeout=120,
    )
    return done.returncode


async def recovered(state_dir: Path, runtime: str, name: str, before: dict[str, Any]) -> None:
    """Another control plane, after the leases ran out, finds everything in order or makes it so."""
    scenario = SCENARIOS[name]
    async with plane.control_plane(state_dir, runtime, ahead=LATER) as second:
        await second.reconciler.once()
        owned = {box.ref.box_id: box for box in await second.runtime.list()}
        rows = await second.store.boxes()
        for row in rows:
            agree(row, owned.get(row.box_id))
        assert len({row.box_id for row in rows}) == len(rows) <= 2
        known = {row.box_id for row in rows} | {box.box_id for box in await second.store.warm()}
        alone = {box for box in owned if owned[box].has_container} - known
        assert not alone or name in ("warm_fill", "warm_claim")
        lost = before["volumes"] - set(owned)
        assert not lost or not scenario.keeps
        await untouched(second, owned, before)
        await goes_on(second, scenario)


def agree(row: Any, owned: Any) -> None:
    assert row.operation == ""
    state = owned.state if owned is not None and owned.has_container else RuntimeState.ABSENT
    if row.state is BoxState.RUNNING:
        assert state is RuntimeState.RUNNING
    else:
        assert row.state is BoxState.SUSPENDED
        frozen = state is RuntimeState.FROZEN
        assert row.tier is (Tier.FROZEN if frozen else Tier.STOPPED)
        assert frozen or state in (RuntimeState.STOPPED, RuntimeState.ABSENT)


async def untouched(second: Any, owned: Any, before: dict[str, Any]) -> None:
    """The project next door never noticed."""
    row = before["bystander"]
    assert (await second.store.locate("acme", "bystander")).box.version == row.version
    assert owned[row.box_id].state is RuntimeState.RUNNING
    client = await second.boxes.agent("acme", "bystander")
    assert (await client.fs_read("kept.txt")).data == b"bystander"


async def goes_on(second: Any, scenario: Any) -> None:
    """The project can be worked on, with its files, in one container."""
    await second.projects.ensure(*plane.WHERE)
    client = await second.boxes.agent(*plane.WHERE)
    files = {entry.path for entry in (await client.fs_list()).entries}
    if scenario.begin in ("absent", "warm"):
        assert files == ({"seeded.txt"} if scenario.seed else set())
    elif scenario.keeps:
        assert files == {"kept.txt"}
    located = await second.store.locate(*plane.WHERE)
    secrets = await second.secrets.values(located.project.id)
    assert secrets in ({}, {"TOKEN": plane.SECRET})
    row = located.box
    owned = [box for box in await second.runtime.list() if box.has_container]
    assert [box.ref.box_id for box in owned].count(row.box_id) == 1


async def kill_and_recover(
    state_dir: Path, archive: Path, runtime: str, name: str, point: str
) -> None:
    before = await prepared(state_dir, runtime, name, archive)
    try:
        status = await asyncio.to_thread(killed_at, state_dir, runtime, name, point)
        assert status == -9, f"{name} never came to {point}"
        await recovered(state_dir, runtime, name, before)
    finally:
        await removed(state_dir, runtime)


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.parametrize(("name", "effect", "moment"), POINTS)
async def test_killed_at_any_point_the_next_control_plane_mends_it(
    state_dir: Path, archive: Path, name: str, effect: Effect, moment: str
) -> None:
    await kill_and_recover(state_dir, archive, "bubblewrap", name, f"{effect}.{moment}")


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(("name", "effect", "moment"), FEWER)
async def test_killed_at_a_point_on_docker_the_next_control_plane_mends_it(
    state_dir: Path, archive: Path, name: str, effect: Effect, moment: str
) -> None:
    await kill_and_recover(state_dir, archive, "docker", name, f"{effect}.{moment}")


def test_every_effect_is_in_a_scenario() -> None:
    assert {effect for scenario in SCENARIOS.values() for effect in scenario.effects} == set(Effect)


WRITES = {
    *("claim", "save_box", "delete_box", "add_warm", "claim_warm", "remove_warm"),
    *("add_workspace", "add_project", "save_project", "delete_project"),
    *("set_secret", "delete_secret", "reseal_secret"),
}
VERBS = {"create", "start", "stop", "freeze", "thaw", "remove"}
READS = {
    *("workspace", "workspaces", "locate", "box", "boxes", "warm", "projects", "secrets"),
    *("list", "status", "connect", "get", "drop"),
}


class Noted:
    """The real thing; notes each call. A method that is neither a write nor a read is an error:
    a new one has to be sorted here."""

    def __init__(self, real: Any, log: list[str]) -> None:
        self._real = real
        self._log = log

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if not asyncio.iscoroutinefunction(real):
            return real
        assert name in WRITES | VERBS | READS, f"is {name} an effect?"
        if name not in READS:
            self._log.append(f"effect {name}")
        return real


class NotedPool(Noted):
    """Notes what is changed inside the box, too."""

    async def get(self, ref: Any, user: str = "vibn") -> Any:
        return NotedAgent(await self._real.get(ref, user), self._log)


class NotedAgent:
    def __init__(self, real: Any, log: list[str]) -> None:
        self._real = real
        self._log = log

    async def exec(self, script: str, **options: Any) -> Any:
        if script != seeding.LOOK:
            self._log.append("effect exec")
        return await self._real.exec(script, **options)

    async def fs_unpack(self, *args: Any) -> Any:
        self._log.append("effect fs_unpack")
        return await self._real.fs_unpack(*args)


def unguarded(log: list[str]) -> list[str]:
    """The effects that are not between the two points of one effect, with nothing but further
    effects of the same kind in between."""
    found = []
    log = without_renewals(log)
    for index, entry in enumerate(log):
        if not entry.startswith("effect "):
            continue
        before = next(e for e in [*reversed(log[:index]), "none."] if not e.startswith("effect "))
        after = next(e for e in [*log[index + 1 :], "none."] if not e.startswith("effect "))
        same = before.removesuffix(".before") == after.removesuffix(".after")
        if not (before.endswith(".before") and after.endswith(".after") and same):
            found.append(entry)
    return found


def without_renewals(log: list[str]) -> list[str]:
    """A renewal happens beside the operation's own effects, with its points around it."""
    renewal = ["renew_lease.before", "effect save_box", "renew_lease.after"]
    for index in range(len(log)):
        if log[index : index + 3] == renewal:
            return log[:index] + without_renewals(log[index + 3 :])
    return log


def test_an_effect_without_its_points_is_found() -> None:
    good = ["a.before", "effect x", "a.after"]
    assert unguarded(good) == []
    assert unguarded([*good, "effect y"]) == ["effect y"]
    assert unguarded(["effect y", *good]) == ["effect y"]
    assert unguarded(["a.before", "effect x", "b.after"]) == ["effect x"]


@pytest.mark.bubblewrap
@pytest.mark.parametrize("name", list(SCENARIOS))
async def test_no_effect_lacks_its_points(state_dir: Path, archive: Path, name: str) -> None:
    await prepared(state_dir, "bubblewrap", name, archive)
    scenario, log = SCENARIOS[name], []
    try:
        async with plane.control_plane(
            state_dir,
            "bubblewrap",
            faults=Faults(log.append),
            lease=scenario.lease,
            wrap_store=lambda real: Noted(real, log),
            wrap_runtime=lambda real: Noted(real, log),
            wrap_pool=lambda real: NotedPool(real, log),
            **dict(scenario.settings or {}),
        ) as noted:
            await scenario.act(noted)
    finally:
        await removed(state_dir, "bubblewrap")
    assert unguarded(log) == []
    reached = [entry.removesuffix(".after") for entry in log if entry.endswith(".after")]
    assert reached == [str(effect) for effect in scenario.effects]
