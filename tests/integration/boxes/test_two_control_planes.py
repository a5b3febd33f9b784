"""Two control planes on one database: real processes, a real runtime, one box."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance import control_plane

from vibn.models import BoxRef, BoxState, Tier
from vibn.runtimes import bubblewrap

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
WHERE = control_plane.WHERE
pytestmark = pytest.mark.bubblewrap


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory; the database's URL is in the environment of all processes."""
    if request.param == "postgresql":
        monkeypatch.setenv("VIBN_DATABASE_URL", request.getfixturevalue("postgres_url"))
    else:
        monkeypatch.delenv("VIBN_DATABASE_URL", raising=False)
    made = Path(tempfile.mkdtemp(prefix="vt"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
async def plane(place: Path):
    found = await bubblewrap.available()
    if not found.usable:
        pytest.skip(f"bubblewrap: {found.reason}")
    async with control_plane.control_plane(place, "bubblewrap") as first:
        await first.projects.ensure(*WHERE)
        yield first
        for box in await first.runtime.list():
            await first.runtime.remove(box.ref, volumes=True)


@pytest.fixture
async def other(place: Path, plane):
    async with control_plane.control_plane(place, "bubblewrap") as second:
        yield second


async def test_a_hundred_callers_in_two_processes_make_one_box(place: Path, plane) -> None:
    crowds = [await start_crowd(place) for _ in range(2)]
    (place / "go").touch()
    said = [(await crowd.communicate())[0].decode().split() for crowd in crowds]
    assert sorted(made for made, *_ in said) == ["0", "1"]
    assert len({handle for _, *handles in said for handle in handles}) == 1
    assert len(await plane.runtime.list()) == 1


async def start_crowd(place: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, control_plane.__file__, str(place), "bubblewrap", "crowd"),
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
    )


async def test_what_one_suspends_the_other_wakes_with_its_files(plane, other) -> None:
    await (await plane.boxes.agent(*WHERE)).fs_write("a.txt", b"kept")
    await other.boxes.suspend(*WHERE)
    client = await plane.boxes.agent(*WHERE)
    assert (await client.fs_read("a.txt")).data == b"kept"
    assert (await other.boxes.status(*WHERE)).state is BoxState.RUNNING


async def test_suspends_and_resumes_from_both_sides_end_with_one_truth(plane, other) -> None:
    await plane.boxes.ensure(*WHERE)
    calls = [
        call(*WHERE)
        for boxes in (plane.boxes, other.boxes)
        for call in (boxes.suspend, boxes.ensure, boxes.suspend, boxes.ensure)
    ]
    await asyncio.gather(*calls)
    row = (await plane.store.locate(*WHERE)).box
    (owned,) = await plane.runtime.list()
    assert row.operation == ""
    awake = row.state is BoxState.RUNNING
    assert (str(owned.state), row.tier) == (
        ("running", None) if awake else ("stopped", Tier.STOPPED)
    )


async def test_both_heal_a_box_that_was_removed_by_hand_and_make_one(plane, other) -> None:
    clients = [await each.boxes.agent(*WHERE) for each in (plane, other)]
    row = (await plane.store.locate(*WHERE)).box
    await plane.runtime.remove(BoxRef(row.box_id, row.service_uuid))
    async with asyncio.timeout(20):
        while not all(client.closed for client in clients):
            await asyncio.sleep(0.01)
    healed = await asyncio.gather(*[each.boxes.agent(*WHERE) for each in (plane, other)])
    boots = {client.hello.boot for client in healed}
    assert len(boots) == 1


async def test_a_delete_on_one_side_and_ensures_on_the_other_lose_nothing_half(
    plane, other
) -> None:
    await plane.boxes.ensure(*WHERE)
    ensures = [other.boxes.ensure(*WHERE) for _ in range(10)]
    await asyncio.gather(plane.boxes.delete(*WHERE, volumes=True), *ensures)
    await other.boxes.ensure(*WHERE)
    row = (await plane.store.locate(*WHERE)).box
    assert [box.ref.box_id for box in await plane.runtime.list()] == [row.box_id]
