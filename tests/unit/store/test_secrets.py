"""Secrets: sealed at rest, bound to their place, readable after a rotation."""

from __future__ import annotations

import asyncio
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.errors import Conflict, Denied, InvalidInput, ProjectNotFound, TooLarge, VibnError
from vibn.models import Project, Workspace
from vibn.services.sealing import Keyring
from vibn.services.secrets import Secrets
from vibn.store.memory import MemoryStore

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.add_workspace(Workspace("w", "acme", "Acme", NOW))
    for slug in ("shop", "blog"):
        await store.add_project(Project(slug, "acme", slug, slug, NOW))
    return store


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """One for all examples of a property."""
    return Keyring(tmp_path_factory.mktemp("keys") / "secrets.key")


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "state" / "secrets.key")


@pytest.fixture
def secrets(store: MemoryStore, keys: Keyring) -> Secrets:
    return Secrets(store, keys)


async def test_a_secret_comes_back_and_goes(secrets: Secrets) -> None:
    await secrets.set("shop", "API_KEY", "geheim 🔑\n")
    await secrets.set("shop", "EMPTY", "")
    assert await secrets.values("shop") == {"API_KEY": "geheim 🔑\n", "EMPTY": ""}
    await secrets.delete("shop", "API_KEY")
    assert await secrets.names("shop") == ["EMPTY"]
    assert await secrets.values("blog") == {}


async def test_the_store_never_sees_the_value(store: MemoryStore, secrets: Secrets) -> None:
    await secrets.set("shop", "A", "hunter2")
    await secrets.set("shop", "B", "hunter2")
    sealed = await store.secrets("shop")
    assert not any(b"hunter2" in value for value in sealed.values())
    assert sealed["A"] != sealed["B"]


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "Ä", "A=1", "A\n", "VIBN_X", "A" * 129])
async def test_a_name_that_is_no_variables_is_refused(secrets: Secrets, name: str) -> None:
    with pytest.raises(InvalidInput):
        await secrets.set("shop", name, "value")


@pytest.mark.parametrize("value", ["hunter2\0", "hunter2\ud800", "hunter2" * 10_000])
async def test_a_value_that_no_process_could_get_is_refused_untold(
    secrets: Secrets, value: str
) -> None:
    with pytest.raises(VibnError) as caught:
        await secrets.set("shop", "A", value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert await secrets.names("shop") == []


async def test_secrets_fit_into_one_command_together(secrets: Secrets) -> None:
    for n in range(3):
        await secrets.set("shop", f"A{n}", "x" * 31_000)
    with pytest.raises(TooLarge):
        await secrets.set("shop", "A3", "x" * 31_000)
    await secrets.set("shop", "A2", "y" * 31_000)


async def test_a_missing_project_has_no_secrets(secrets: Secrets) -> None:
    with pytest.raises(ProjectNotFound):
        await secrets.set("nobody", "A", "value")


@given(plain=st.binary(max_size=100), project=st.text(), name=st.text())
def test_what_is_sealed_opens_at_its_place_alone(
    ring: Keyring, plain: bytes, project: str, name: str
) -> None:
    place = (project, name)
    sealed = ring.seal(plain, place)
    assert ring.open(sealed, place) == plain
    for other in ((project, name + "x"), ("x" + project, name), (project + name, "")):
        if other != place:
            with pytest.raises(Conflict):
                ring.open(sealed, other)


@given(at=st.integers(0, 60), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(ring: Keyring, at: int, bit: int) -> None:
    sealed = bytearray(ring.seal(b"x" * 40, ("shop", "A")))
    sealed[at] ^= 1 << bit
    with pytest.raises(Conflict):
        ring.open(bytes(sealed), ("shop", "A"))


async def test_a_secret_moved_to_another_project_does_not_open(
    store: MemoryStore, secrets: Secrets
) -> None:
    await secrets.set("shop", "A", "value")
    await store.set_secret("blog", "A", (await store.secrets("shop"))["A"])
    with pytest.raises(Conflict, match="A: A secret cannot be opened"):
        await secrets.values("blog")


async def test_rotation_seals_everything_anew(
    store: MemoryStore, secrets: Secrets, keys: Keyring
) -> None:
    await secrets.set("shop", "A", "one")
    await secrets.set("blog", "B", "two")
    old = (await store.secrets("shop"))["A"]
    assert await secrets.rotate() == 2
    assert keys.newest((await store.secrets("shop"))["A"])
    assert not keys.newest(old)
    assert keys.open(old, ("shop", "A")) == b"one"
    assert await secrets.values("blog") == {"B": "two"}


async def test_another_control_plane_reads_what_a_new_key_sealed(
    store: MemoryStore, secrets: Secrets, keys: Keyring
) -> None:
    other = Secrets(store, Keyring(keys.path))
    await secrets.set("shop", "A", "one")
    assert await other.values("shop") == {"A": "one"}
    await secrets.rotate()
    assert await other.values("shop") == {"A": "one"}


def test_rotations_of_several_control_planes_lose_no_key(keys: Keyring) -> None:
    rings = [Keyring(keys.path) for _ in range(5)]
    sealed = [ring.seal(b"x", ("p", "n")) for ring in rings if ring.rotate()]
    fresh = Keyring(keys.path)
    assert [fresh.open(value, ("p", "n")) for value in sealed] == [b"x"] * 5
    assert len(keys.path.read_text().splitlines()) == 6


async def test_processes_at_once_make_one_key(keys: Keyring) -> None:
    program = (
        "import sys; from pathlib import Path; from vibn.services.sealing import Keyring; "
        "print(Keyring(Path(sys.argv[1])).seal(b'x', ('p', 'n')).hex())"
    )
    command = [sys.executable, "-c", program, str(keys.path)]
    pipe = asyncio.subprocess.PIPE
    started = [await asyncio.create_subprocess_exec(*command, stdout=pipe) for _ in range(4)]
    async with asyncio.timeout(60):
        outs = [(await process.communicate())[0] for process in started]
    assert {keys.open(bytes.fromhex(o.decode()), ("p", "n")) for o in outs} == {b"x"}
    assert [path.name for path in keys.path.parent.iterdir()] == ["secrets.key"]


def test_the_key_file_is_the_owners_alone(keys: Keyring) -> None:
    keys.seal(b"x", ("p", "n"))
    assert keys.path.stat().st_mode & 0o777 == 0o600
    keys.rotate()
    assert keys.path.stat().st_mode & 0o777 == 0o600
    keys.path.chmod(0o644)
    with pytest.raises(Denied, match="chmod 600"):
        Keyring(keys.path).seal(b"x", ("p", "n"))


@pytest.mark.parametrize("text", ["", "nonsense\n", "deadbeef AAAA\n"])
def test_a_damaged_key_file_is_told_and_left_alone(keys: Keyring, text: str) -> None:
    keys.path.parent.mkdir()
    keys.path.touch(0o600)
    keys.path.write_text(text)
    with pytest.raises(InvalidInput, match="key file"):
        keys.seal(b"x", ("p", "n"))
    assert keys.path.read_text() == text


def test_a_lost_key_is_told_with_its_id(keys: Keyring, tmp_path: Path) -> None:
    sealed = Keyring(tmp_path / "other.key").seal(b"x", ("p", "n"))
    with pytest.raises(Conflict, match=sealed[2:10].decode()):
        keys.open(sealed, ("p", "n"))
