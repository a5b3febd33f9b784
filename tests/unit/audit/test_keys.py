"""The key file: made once, kept from others, told when it is damaged."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vibn.errors import Denied, InvalidInput
from vibn.services.audit.keys import Key, Keys


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.key"


def test_the_file_is_made_once_and_is_ours_alone(path: Path) -> None:
    first = Keys(path).newest()
    assert Keys(path).newest() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["audit.key"]


def test_of_several_at_once_all_get_the_same_key(path: Path) -> None:
    path.parent.mkdir()
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: Keys(path).newest(), range(32)))
    assert len(set(keys)) == 1


def test_each_use_has_a_key_of_its_own() -> None:
    key = Key.of(b"s" * 32)
    assert len({key.rows, key.heads, key.arguments, b"s" * 32}) == 4
    assert key.id not in (key.rows.hex(), key.heads.hex())


def test_the_last_line_is_used_and_the_others_are_found(path: Path) -> None:
    old = Keys(path).newest()
    other = path.with_name("other")
    new = Keys(other).newest()
    path.write_bytes(path.read_bytes() + other.read_bytes())
    keys = Keys(path)
    assert keys.newest() == new
    assert keys.of_chain(f"{old.id}-0011") == old
    assert keys.of_chain("00000000-0011") is None


def test_looking_for_a_key_makes_none(path: Path) -> None:
    assert Keys(path).of_chain("00000000-0011") is None
    assert not path.exists()


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    Keys(path).newest()
    path.chmod(0o640)
    with pytest.raises(Denied, match="640"):
        Keys(path).newest()


@pytest.mark.parametrize("content", [b"", b"\n", b"no base64!\n", b"AAAA\n"])
def test_a_damaged_file_is_told(path: Path, content: bytes) -> None:
    Keys(path).newest()
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged"):
        Keys(path).newest()


def test_a_key_is_not_shown() -> None:
    key = Key.of(b"s" * 32)
    assert repr(key) == f"Key({key.id})"
