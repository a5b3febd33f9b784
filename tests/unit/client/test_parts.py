"""The parts that know nothing of a connection."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibn.client.decode import blob, decode, items
from vibn.client.kept import Kept
from vibn.client.landing import land
from vibn.client.messages import Started, received
from vibn.client.packing import measured, packed
from vibn.client.request import file_path, segment
from vibn.client.sse import Event, Events
from vibn.client.values import CommandResult, Output, Packed
from vibn.errors import AlreadyExists, InvalidInput, PathOutside, ProtocolViolation, VibnError


@dataclass(frozen=True)
class Inner:
    at: datetime


@dataclass(frozen=True)
class Outer:
    name: str
    size: int
    share: float = 0.0
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    env: dict[str, str] = field(default_factory=dict[str, str])


def test_values_come_from_json_by_their_types() -> None:
    told = {"name": "n", "size": 1, "share": 2, "inner": {"at": "2026-01-02T03:04:05Z"}, "new": 1}
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert decode(Outer, told) == Outer("n", 1, 2.0, Inner(at))
    assert decode(Outer, {"name": "n", "size": 1, "many": [{"at": 0}]}).many[0].at.year == 1970


@pytest.mark.parametrize(
    "told",
    [
        {"name": "n"},
        {"name": 1, "size": 1},
        {"name": "n", "size": True},
        {"name": "n", "size": "1"},
        {"name": "n", "size": 1, "inner": {}},
        {"name": "n", "size": 1, "many": {}},
        {"name": "n", "size": 1, "inner": {"at": "yesterday"}},
        {"name": "n", "size": 1, "inner": {"at": 1e300}},
        [],
        None,
    ],
)
def test_what_does_not_fit_is_told(told: object) -> None:
    with pytest.raises(ProtocolViolation, match="Outer"):
        decode(Outer, told)


def test_lists_and_bytes_are_looked_at_too() -> None:
    with pytest.raises(ProtocolViolation):
        items(Inner, {"jobs": 1}, "jobs")
    with pytest.raises(ProtocolViolation):
        blob({"base64": "not base64"})


def test_events_come_whole_however_they_are_cut() -> None:
    text = b': hi\r\n\r\nevent: a\r\ndata: {"x":\r\ndata: 1}\r\n\r\nid: 7\ndata: 2\n\ndata: 3'
    for size in range(1, len(text)):
        events = Events()
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        found = [event for piece in pieces for event in events.feed(piece)]
        assert found == [Event("a", {"x": 1}), Event("message", 2)]


def test_an_event_that_is_no_json_or_never_ends_is_told() -> None:
    with pytest.raises(ProtocolViolation):
        list(Events().feed(b"data: {\n\n"))
    with pytest.raises(ProtocolViolation):
        list(Events().feed(b"data: " + b"x" * (9 << 20)))


def test_output_is_kept_head_and_tail_and_heard_as_text() -> None:
    kept = Kept(8)
    heard = "".join(kept.add(bytes([byte])) for byte in "häuser und gärten".encode())
    assert heard + kept.end() == "häuser und gärten"
    assert kept.cut == len("häuser und gärten".encode()) - 8
    assert kept.text("/log").startswith("häu\n[... 11 bytes cut; all of it is in /log ...]\n")


def test_what_fits_is_kept_whole() -> None:
    kept = Kept(8)
    for piece in (b"abc", b"defgh"):
        kept.add(piece)
    assert (kept.text(None), kept.cut) == ("abcdefgh", 0)


@pytest.mark.parametrize(
    "message", ["{", "{}", "[]", '{"type": "what"}', '{"type": "exit"}', b"", b"\x03x"]
)
def test_a_message_that_is_none_is_told(message: str | bytes) -> None:
    with pytest.raises(ProtocolViolation):
        received(message)


def test_messages_are_what_they_say() -> None:
    assert received('{"type": "started"}') == Started()
    assert received(b"\x02oops") == Output("stderr", b"oops")
    told = received('{"type": "exit", "result": {"exit": 1, "signal": null}}')
    assert told == CommandResult(1, None)
    wrong = received('{"type": "error", "error": {"code": "denied", "message": "no"}}')
    assert isinstance(wrong, VibnError)
    assert wrong.code == "denied"


def test_paths_keep_their_meaning_in_addresses() -> None:
    assert file_path("/workspace/a b/ü?#%.txt") == "a%20b/%C3%BC%3F%23%25.txt"
    assert file_path("../x/./..") == "%2E%2E/x/%2E/%2E%2E"
    assert file_path("/workspace") == "%2E"
    assert segment("a/../b") == "a%2F..%2Fb"


def test_a_directory_is_packed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_bytes(b"x" * 1000)
    (tmp_path / "link").symlink_to("d/f")
    (tmp_path / "pipe").touch()
    with tarfile.open(fileobj=io.BytesIO(b"".join(packed(tmp_path, "")))) as archive:
        assert archive.getnames() == ["d", "link", "pipe", "d/f"]
        assert archive.getmember("link").linkname == "d/f"
        assert archive.getmember("d/f").size == 1000
    assert measured(tmp_path) == Packed(3, 1000)


def _archive(*members: tarfile.TarInfo) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    out.seek(0)
    return out


def _member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


@pytest.mark.parametrize(
    "members",
    [
        [_member("../out", size=1)],
        [_member("/tmp/vibn-out", size=1)],
        [_member("a/../../out", size=1)],
        [_member("a", tarfile.SYMTYPE, "/etc")],
        [_member("a", tarfile.SYMTYPE, "../..")],
        [_member("d/a", tarfile.SYMTYPE, "../../out")],
        [_member("a", tarfile.SYMTYPE, "."), _member("a/b", size=1)],
        [_member("a", tarfile.LNKTYPE, "/etc/passwd")],
        [_member("a", tarfile.CHRTYPE)],
        [_member("a", tarfile.FIFOTYPE)],
    ],
)
def test_nothing_of_a_box_lands_elsewhere(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    target = tmp_path / "here"
    with pytest.raises(PathOutside):
        land(_archive(*members), target)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_link_that_is_there_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    target = tmp_path / "here"
    target.mkdir()
    (target / "f").symlink_to("../outside")
    land(_archive(_member("f", size=3)), target)
    assert (target / "f").read_text() == "xxx"
    assert (tmp_path / "outside").read_text() == "mine"


def test_what_is_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(AlreadyExists):
        land(_archive(_member("f", size=1)), tmp_path)
    (tmp_path / "g").touch()
    with pytest.raises(AlreadyExists):
        land(_archive(_member("g/h", size=1)), tmp_path)


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProtocolViolation):
        land(io.BytesIO(b"no tar at all" * 100), tmp_path)
    whole = _archive(_member("f", size=5000)).getvalue()
    with pytest.raises(ProtocolViolation):
        land(io.BytesIO(whole[:2000]), tmp_path)


def test_a_file_without_a_name_is_not_uploaded(tmp_path: Path) -> None:
    from vibn.client.testing import FakeServer

    (tmp_path / "f").touch()
    with FakeServer().sandbox("shop") as box, pytest.raises(InvalidInput):
        box.files.upload(tmp_path / "f", "there/")
