"""fs.read, fs.write and fs.stat, asked of a real agent."""

from __future__ import annotations

import hashlib
import os
import socket

import pytest


def test_what_was_written_is_read(box):
    made = box.call("fs.write", b"hello", path="a/b/c.txt")
    assert made == {"size": 5, "sha256": hashlib.sha256(b"hello").hexdigest(), "created": True}
    result, body = box.both("fs.read", path="/workspace/a/b/c.txt")
    assert body == b"hello"
    assert (result["sha256"], result["next"], result["size"]) == (made["sha256"], None, 5)


def test_a_piece_is_read_and_tells_where_the_next_begins(box):
    box.plant({"f": bytes(range(256)) * 10})
    result, body = box.both("fs.read", path="f", offset=100, limit=50)
    assert body == (bytes(range(256)) * 10)[100:150]
    assert (result["next"], result["sha256"], result["offset"]) == (150, None, 100)
    assert box.both("fs.read", path="f", offset=9999, limit=5)[1] == b""


def test_a_file_above_the_cap_is_refused_whole_and_given_in_pieces(box):
    box.plant({"f": b"x" * (1 << 21)})
    assert box.refuses("fs.read", "too_large", path="f") == {"size": 1 << 21, "max": 1 << 20}
    assert box.refuses("fs.read", "too_large", path="f", max=10)["max"] == 10
    result, body = box.both("fs.read", path="f", limit=1 << 20)
    assert (len(body), result["next"]) == (1 << 20, 1 << 20)


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o444])
def test_writing_keeps_the_old_mode(box, root, mode):
    box.plant({"f": "old"})
    os.chmod(root / "f", mode)
    assert box.call("fs.write", b"new", path="f")["created"] is False
    assert (root / "f").stat().st_mode & 0o7777 == mode
    assert box.call("fs.stat", path="f")["mode"] == mode


def test_a_new_file_gets_the_mode_that_was_asked_for(box, root):
    box.call("fs.write", b"#!/bin/sh", path="run", mode=0o755)
    box.call("fs.write", b"", path="plain")
    assert (root / "run").stat().st_mode & 0o7777 == 0o755
    assert (root / "plain").stat().st_mode & 0o7777 == 0o644


def test_writing_leaves_no_other_file_behind(box, root):
    for size in (0, 1, 100000):
        box.call("fs.write", b"x" * size, path="f", sync=True)
    box.refuses("fs.write", "hash_mismatch", b"y", path="f", expect_sha256="0" * 64)
    assert os.listdir(root) == ["f"]
    assert len((root / "f").read_bytes()) == 100000


def test_a_write_with_the_hash_of_what_was_read_succeeds(box, root):
    box.plant({"f": "one"})
    read = box.call("fs.read", path="f")
    box.call("fs.write", b"two", path="f", expect_sha256=read["sha256"])
    now = hashlib.sha256(b"two").hexdigest()
    detail = box.refuses("fs.write", "hash_mismatch", b"3", path="f", expect_sha256="a" * 64)
    assert detail == {"sha256": now}
    box.refuses("fs.write", "file_missing", b"3", path="gone", expect_sha256=now)


def test_create_and_exclusive_say_what_may_be_there(box, root):
    box.refuses("fs.write", "file_missing", b"x", path="new/f", create=False)
    assert os.listdir(root) == []
    box.call("fs.write", b"x", path="f", exclusive=True)
    box.refuses("fs.write", "already_exists", b"y", path="f", exclusive=True)
    assert (root / "f").read_bytes() == b"x"
    assert os.listdir(root) == ["f"]


def test_a_link_is_written_through(box, root):
    box.plant({"real/f": "old"})
    os.symlink("real/f", root / "link")
    os.symlink("/workspace/real/new", root / "dangling")
    box.call("fs.write", b"new", path="link")
    box.call("fs.write", b"made", path="dangling")
    assert (root / "link").is_symlink()
    assert (root / "real/f").read_bytes() == b"new"
    assert (root / "real/new").read_bytes() == b"made"


def test_a_stream_of_many_windows_is_written(box, root):
    content = os.urandom(3 << 20)
    made = box.stream("fs.write", content, path="big", stream=True)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert (root / "big").read_bytes() == content


def test_a_cancelled_stream_leaves_the_old_file(box, root):
    box.plant({"f": "old"})
    id = box.ask("fs.write", {"path": "f", "stream": True})
    box.send({"t": "data", "id": id, "s": "in"}, b"half")
    box.send({"t": "cancel", "id": id})
    with pytest.raises(Exception, match="cancelled"):
        box.answer(id)
    assert os.listdir(root) == ["f"]
    assert (root / "f").read_bytes() == b"old"


def test_a_lost_connection_leaves_the_old_file(box, root):
    box.plant({"f": "old"})
    other = box.again()
    id = other.ask("fs.write", {"path": "f", "stream": True})
    other.send({"t": "data", "id": id, "s": "in"}, b"half")
    other.close()
    while os.listdir(root) != ["f"]:
        box.call("fs.stat", path="f")
    assert (root / "f").read_bytes() == b"old"


@pytest.mark.parametrize("op", ["fs.read", "fs.lines", "fs.write", "fs.edit"])
def test_nothing_but_regular_files_is_opened(box, root, op):
    os.mkfifo(root / "pipe")
    (root / "dir").mkdir()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(os.path.relpath(root / "sock"))
    os.symlink("pipe", root / "link")
    args = {"old": "a", "new": "b"} if op == "fs.edit" else {}
    for name in ("pipe", "dir", "sock", "link", "."):
        box.refuses(op, "invalid_input", path=name, **args)
    sock.close()


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"path": ""},
        {"path": 3},
        {"path": "a\0b"},
        {"path": "\ud800"},
        {"path": "x" * 5000},
        {"path": "x" * 300},
        {"path": "f", "offset": -1},
        {"path": "f", "limit": (1 << 20) + 1},
        {"path": "f", "limit": True},
        {"path": "f", "what": 1},
    ],
)
def test_wrong_arguments_are_told(box, args):
    box.plant({"f": "x"})
    box.refuses("fs.read", "invalid_input", **args)


def test_a_name_that_is_not_utf8_can_be_written_read_and_listed(box, root):
    name = os.fsdecode(b"caf\xe9")
    box.call("fs.write", b"x", path=name)
    assert os.listdir(os.fsencode(root)) == [b"caf\xe9"]
    assert box.both("fs.read", path=name)[1] == b"x"
    assert box.call("fs.list")["entries"][0]["path"] == name


def test_stat_describes_each_kind(box, root):
    box.plant({"d/f": "four"})
    os.symlink("d/f", root / "link")
    os.mkfifo(root / "pipe")
    assert box.call("fs.stat", path="link")["path"] == "d/f"
    link = box.call("fs.stat", path="link", follow=False)
    assert (link["type"], link["target"], link["path"]) == ("link", "d/f", "link")
    assert box.call("fs.stat", path="pipe")["type"] == "other"
    assert box.call("fs.stat", path="/workspace")["path"] == "."
    assert box.call("fs.stat", path="d/f")["mtime"] == (root / "d/f").stat().st_mtime
    box.refuses("fs.stat", "file_missing", path="d/g")
    box.refuses("fs.stat", "file_missing", path="d/f/g")
