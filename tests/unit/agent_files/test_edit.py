"""fs.edit: exact, or refused with what helps."""

from __future__ import annotations

import difflib
import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibn.agent.change import unified


def test_a_unique_text_is_replaced_and_the_change_shown(box, root):
    box.plant({"f.py": "a = 1\nb = 2\nc = 3\n"})
    os.chmod(root / "f.py", 0o750)
    result = box.call("fs.edit", path="f.py", old="b = 2", new="b = 20\nbb = 2")
    content = b"a = 1\nb = 20\nbb = 2\nc = 3\n"
    assert (root / "f.py").read_bytes() == content
    assert (root / "f.py").stat().st_mode & 0o777 == 0o750
    assert result.pop("diff").splitlines()[2:] == [
        "@@ -1,3 +1,4 @@",
        " a = 1",
        "-b = 2",
        "+b = 20",
        "+bb = 2",
        " c = 3",
    ]
    sha = hashlib.sha256(content).hexdigest()
    assert result == {"replaced": 1, "size": len(content), "sha256": sha, "line": 2}


def test_all_replaces_every_place(box, root):
    box.plant({"f": "x y\nz\nx x\n"})
    assert box.call("fs.edit", path="f", old="x", new="w", all=True)["replaced"] == 3
    assert (root / "f").read_text() == "w y\nz\nw w\n"


def test_an_ambiguous_text_is_refused_with_its_lines(box, root):
    box.plant({"f": "x\ny\nx\n" + "x\n" * 30})
    detail = box.refuses("fs.edit", "edit_ambiguous", path="f", old="x", new="y")
    assert detail == {"lines": [1, *range(3, 22)], "count": 32}
    box.plant({"g": "aaa"})
    detail = box.refuses("fs.edit", "edit_ambiguous", path="g", old="aa", new="b")
    assert detail == {"lines": [1, 1], "count": 2}


def test_a_miss_shows_the_nearest_real_lines(box, root):
    text = "import os\n\ndef total(items):\n    return sum(items)\n\ndef other():\n    pass\n"
    box.plant({"f.py": text})
    old = "def total(item):\n  return sum(item)"
    nearest = box.refuses("fs.edit", "edit_no_match", path="f.py", old=old, new="x")["nearest"]
    assert nearest[0] == {"line": 3, "text": "def total(items):\n    return sum(items)"}
    assert (root / "f.py").read_text() == text


def test_a_miss_in_a_huge_file_is_answered_while_others_work(box):
    box.plant({"f": "some line of text\n" * 800000, "g": "x"})
    id = box.ask("fs.edit", {"path": "f", "old": "another lime of text!", "new": "x"})
    assert box.again().call("fs.stat", path="g")["size"] == 1
    with pytest.raises(Exception, match="edit_no_match") as caught:
        box.answer(id)
    assert caught.value.detail["nearest"][0] == {"line": 1, "text": "some line of text"}


def test_line_ends_are_kept(box, root):
    box.plant({"crlf": b"a\r\nb\r\nc\r\n", "mixed": b"a\r\nb\nc\n"})
    box.call("fs.edit", path="crlf", old="a\nb", new="1\n2\n3")
    assert (root / "crlf").read_bytes() == b"1\r\n2\r\n3\r\nc\r\n"
    box.call("fs.edit", path="crlf", old="c", new="c\nd")
    assert (root / "crlf").read_bytes() == b"1\r\n2\r\n3\r\nc\r\nd\r\n"
    box.refuses("fs.edit", "edit_no_match", path="mixed", old="a\nb", new="x")
    box.call("fs.edit", path="mixed", old="b\nc", new="x\ny")
    assert (root / "mixed").read_bytes() == b"a\r\nx\ny\n"


def test_bytes_that_are_not_text_are_kept(box, root):
    box.plant({"f": b"\xff\xfe name \x00\n"})
    box.call("fs.edit", path="f", old="name", new="n\u00e4me")
    assert (root / "f").read_bytes() == b"\xff\xfe n\xc3\xa4me \x00\n"


def test_an_empty_or_identical_pair_is_refused(box):
    box.plant({"f": "x"})
    box.refuses("fs.edit", "invalid_input", path="f", old="", new="y")
    box.refuses("fs.edit", "invalid_input", path="f", old="x", new="x")
    box.refuses("fs.edit", "file_missing", path="g", old="x", new="y")


def test_a_file_that_changed_or_is_too_large_is_refused(box, root):
    box.plant({"f": "x", "big": b"x" * ((16 << 20) + 1)})
    box.refuses("fs.edit", "hash_mismatch", path="f", old="x", new="y", expect_sha256="0" * 64)
    assert box.refuses("fs.edit", "too_large", path="big", old="x", new="y")["max"] == 16 << 20
    assert (root / "f").read_text() == "x"


def test_the_diff_of_a_huge_change_is_short(box):
    box.plant({"f": "line x\n" * 5000})
    diff = box.call("fs.edit", path="f", old="x", new="y", all=True)["diff"]
    assert len(diff) < 10000
    assert "more lines" in diff


TEXT = st.lists(st.sampled_from(["a", "b", "\n", "x"]), max_size=30).map("".join)


@settings(max_examples=500)
@given(TEXT, st.sampled_from(["x", "x\n", "\nx", "ab", "\n"]), TEXT)
def test_the_diff_turns_the_old_text_into_the_new(text, old, new):
    count = text.count(old)
    if count == 0 or old == new:
        return
    diff = unified(text.encode(), old.encode(), new.encode(), count, "f")
    assert applied(text, diff) == text.replace(old, new)


def applied(text: str, diff: str) -> str:
    """What the diff's hunks make of ``text``; each line they speak of must be there."""
    lines = text.split("\n")
    before = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    out: list[str] = []
    at = 0
    body = diff.split("\n")[2:-1]
    for number, line in enumerate(body):
        bare = number + 1 < len(body) and body[number + 1].startswith("\\")
        content = line[1:] + ("" if bare else "\n")
        if line.startswith("@@"):
            start = int(line.split("-")[1].split(",")[0]) - 1
            assert start >= at
            out += before[at:start]
            at = start
        elif line[:1] in (" ", "-"):
            assert before[at] == content
            at += 1
            out += [content] if line[0] == " " else []
        elif line[:1] == "+":
            out.append(content)
    return "".join(out + before[at:])


def test_the_diff_is_as_small_as_the_standard_one(box):
    text = "".join(f"{n}\n" for n in range(50))
    box.plant({"f": text})
    diff = box.call("fs.edit", path="f", old="20\n21\n22\n", new="20\nxx\n22\n")["diff"]
    lines, changed = text.splitlines(True), text.replace("\n21\n", "\nxx\n").splitlines(True)
    assert diff == "".join(difflib.unified_diff(lines, changed, "a/f", "b/f"))
