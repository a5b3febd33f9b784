"""fs.list, fs.mkdir, fs.delete, fs.move and fs.lines."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_a_directory_is_listed_by_path_with_each_kind(box, root):
    box.plant({"d/b/c": "1", "d/b.x": "22", "d/.h": ""})
    os.symlink("b.x", root / "d/l")
    entries = box.call("fs.list", path="d")["entries"]
    assert [(one["path"], one["type"]) for one in entries] == [
        ("d/.h", "file"),
        ("d/b", "dir"),
        ("d/b.x", "file"),
        ("d/l", "link"),
    ]
    assert entries[3]["target"] == "b.x"
    assert entries[2]["size"] == 2


def test_depth_limit_and_hidden_bound_a_listing(box, root):
    box.plant({"d/b/c/d": "1", "d/b.x": "", "d/.h/x": ""})
    deep = [one["path"] for one in box.call("fs.list", path="d", depth=9)["entries"]]
    assert deep == sorted(deep, key=lambda path: path)
    assert deep == ["d/.h", "d/.h/x", "d/b", "d/b.x", "d/b/c", "d/b/c/d"]
    assert len(box.call("fs.list", path="d", depth=2, hidden=False)["entries"]) == 3
    cut = box.call("fs.list", path="d", depth=9, limit=4)
    assert ([one["path"] for one in cut["entries"]], cut["truncated"]) == (deep[:4], True)


def test_a_huge_directory_is_listed_from_its_beginning(box, root):
    order = list(range(20000))
    random.Random(1).shuffle(order)
    for number in order:
        (root / f"{number:05}").touch()
    result = box.call("fs.list", limit=5)
    assert [one["path"] for one in result["entries"]] == [f"{n:05}" for n in range(5)]
    assert box.call("fs.list", limit=10**6)["truncated"] is True


def test_only_a_directory_is_listed(box):
    box.plant({"f": ""})
    box.refuses("fs.list", "invalid_input", path="f")
    box.refuses("fs.list", "file_missing", path="gone")
    box.refuses("fs.list", "invalid_input", depth=0)


def test_directories_are_made_with_their_parents(box, root):
    assert box.call("fs.mkdir", path="a/b/c") == {"created": True}
    assert box.call("fs.mkdir", path="a/b") == {"created": False}
    assert box.call("fs.mkdir", path=".") == {"created": False}
    box.refuses("fs.mkdir", "already_exists", path="a/b", parents=False)
    box.refuses("fs.mkdir", "file_missing", path="x/y", parents=False)
    box.plant({"f": ""})
    box.refuses("fs.mkdir", "already_exists", path="f")


def test_what_is_deleted_is_what_was_named(box, root):
    box.plant({"d/f": "", "d/e/g": "", "keep": ""})
    os.symlink("../keep", root / "d/link")
    os.symlink("d", root / "dir-link")
    box.refuses("fs.delete", "invalid_input", path="d")
    assert box.call("fs.delete", path="dir-link") == {"removed": 1}
    assert box.call("fs.delete", path="d", recursive=True) == {"removed": 5}
    assert sorted(os.listdir(root)) == ["keep"]


def test_an_empty_directory_needs_no_recursive_and_the_missing_may_be_ok(box, root):
    (root / "d").mkdir()
    assert box.call("fs.delete", path="d") == {"removed": 1}
    box.refuses("fs.delete", "file_missing", path="d")
    for path in ("d", "d/e/f"):
        assert box.call("fs.delete", path=path, missing_ok=True) == {"removed": 0}


@pytest.mark.parametrize("path", [".", "/workspace", "d/..", "/workspace/d/../../workspace"])
def test_the_workspace_itself_is_never_deleted_or_moved(box, root, path):
    box.plant({"d/f": ""})
    box.refuses("fs.delete", "invalid_input", path=path, recursive=True)
    box.refuses("fs.move", "invalid_input", path=path, to="x")
    assert (root / "d/f").exists()


def test_a_deep_tree_is_walked_and_deleted(box, root):
    at = os.open(root, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("deep-name", dir_fd=at)
        at, before = os.open("deep-name", os.O_RDONLY, dir_fd=at), at
        os.close(before)
    os.close(at)
    assert box.call("fs.list", depth=1000, limit=3)["truncated"] is True
    assert box.call("fs.glob", pattern="**")["total"] == 0
    assert box.call("fs.delete", path="deep-name", recursive=True) == {"removed": 600}


def test_moving_makes_parents_and_replaces_only_when_told(box, root):
    box.plant({"a": "1", "b": "2", "d/f": "3"})
    assert box.call("fs.move", path="a", to="x/y/a") == {"path": "x/y/a"}
    box.refuses("fs.move", "already_exists", path="b", to="x/y/a")
    assert box.call("fs.move", path="b", to="x/y/a", overwrite=True)["path"] == "x/y/a"
    assert (root / "x/y/a").read_text() == "2"
    assert box.call("fs.move", path="d", to="x/d") == {"path": "x/d"}
    box.refuses("fs.move", "already_exists", path="x/y/a", to="x/d", overwrite=True)
    box.refuses("fs.move", "invalid_input", path="x", to="x/y/z")
    box.refuses("fs.move", "file_missing", path="gone", to="z")


def test_a_link_is_moved_as_a_link(box, root):
    os.symlink("/etc", root / "l")
    box.call("fs.move", path="l", to="m")
    assert os.readlink(root / "m") == "/etc"


def test_lines_are_numbered_and_told_apart_from_the_rest(box):
    box.plant({"f": "one\ntwo\r\nthree"})
    result, body = box.both("fs.lines", path="f", start=2, count=1)
    assert body == b"two\r\n"
    assert result == {
        "size": 14,
        "total_lines": 3,
        "start": 2,
        "end": 2,
        "cut_lines": [],
        "encoding": "utf-8",
        "more": True,
    }
    result, body = box.both("fs.lines", path="f", start=9)
    assert (body, result["end"], result["more"]) == (b"", 8, False)


def test_long_lines_are_cut_between_characters(box):
    box.plant({"f": "é" * 300000 + "\nshort\n" + "x" * 11 + "\n"})
    result, body = box.both("fs.lines", path="f", width=10)
    assert body.decode() == "é" * 10 + "\nshort\n" + "x" * 10 + "\n"
    assert (result["cut_lines"], result["total_lines"], result["more"]) == ([1, 3], 3, False)


def test_a_body_is_bounded_by_whole_lines(box):
    box.plant({"f": "12345\n" * 100})
    result, body = box.both("fs.lines", path="f", max=20)
    assert body == b"12345\n" * 3
    assert (result["end"], result["more"], result["total_lines"]) == (3, True, 100)


def test_of_a_huge_file_the_first_lines_come_without_reading_it_all(box, root):
    with open(root / "f", "wb") as file:
        for _ in range(40):
            file.write(b"line\n" * 200000)
    result, body = box.both("fs.lines", path="f", start=150000, count=2)
    assert body == b"line\n" * 2
    assert (result["total_lines"], result["more"]) == (None, True)


@pytest.mark.parametrize(
    ("content", "offset"),
    [(b"a\0b", 1), (b"ok\n\xff\n", 3), (b"x" * 300000 + b"\xe9", 300000), (b"end\xc3", 3)],
)
def test_what_is_no_text_is_told_with_the_first_wrong_byte(box, content, offset):
    box.plant({"f": content})
    detail = box.refuses("fs.lines", "not_text", path="f")
    assert detail == {"offset": offset, "size": len(content)}


LINES = st.lists(st.sampled_from(["", "a", "é", "bb", "ccc", "日本語", "d" * 9]), max_size=8)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(LINES, st.booleans(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 10))
def test_lines_agree_with_a_simple_reading(shared, lines, ended, start, count, width):
    text = "\n".join(lines) + "\n" * ended
    shared.plant({"hl": text})
    whole = [line + "\n" for line in text.split("\n")]
    whole[-1:] = [whole[-1][:-1]] if whole[-1] != "\n" else []
    expected = whole[start - 1 : start - 1 + count]
    cut = [n for n, line in enumerate(expected, start) if len(line.rstrip("\n")) > width]
    shown = [x if len(x.rstrip("\n")) <= width else x[:width] + "\n" for x in expected]
    args = {"start": start, "count": count, "width": width}
    result, body = shared.both("fs.lines", path="hl", **args)
    assert body.decode() == "".join(shown)
    assert (result["cut_lines"], result["total_lines"]) == (cut, len(whole))
    assert result["more"] is (len(whole) > start - 1 + count)
