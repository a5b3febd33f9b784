"""fs.glob, compared with a slow and simple way to match."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibn.agent.wildcard import braces


def names(box, pattern: str, **args) -> list[str]:
    return [one["path"] for one in box.call("fs.glob", pattern=pattern, **args)["files"]]


def test_the_newest_come_first_and_the_rest_is_counted(box, root):
    box.plant({f"{n}.py": "x" * n for n in range(5)})
    for n in range(5):
        os.utime(root / f"{n}.py", (1000 + n % 3, 1000 + n % 3))
    assert names(box, "*.py") == ["2.py", "1.py", "4.py", "0.py", "3.py"]
    result = box.call("fs.glob", pattern="*.py", limit=2)
    assert (result["truncated"], result["total"]) == (True, 5)
    assert result["files"][1] == {"path": "1.py", "size": 1, "mtime": 1001.0}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.ts", ["a.ts", "src/b.ts", "src/x/c.ts"]),
        ("*.ts", ["a.ts"]),
        ("src/**", ["src/b.ts", "src/d.tsx", "src/x/c.ts"]),
        ("src/**/*.{ts,tsx}", ["src/b.ts", "src/d.tsx", "src/x/c.ts"]),
        ("{a,src/b}.ts", ["a.ts", "src/b.ts"]),
        ("src/[bd].ts*", ["src/b.ts", "src/d.tsx"]),
        ("/workspace/src/?.ts", ["src/b.ts"]),
        ("./src/*.ts", ["src/b.ts"]),
        ("s*/x/**/c.*", ["src/x/c.ts"]),
        (".github/*.yml", [".github/w.yml"]),
        ("*", ["a.ts"]),
        ("日*", []),
    ],
)
def test_what_patterns_find(box, pattern, found):
    files = ["a.ts", "src/b.ts", "src/x/c.ts", "src/d.tsx", ".github/w.yml", "src/.h.ts"]
    box.plant(dict.fromkeys(files, ""))
    assert sorted(names(box, pattern)) == found


def test_hidden_and_ignored_files_come_when_asked_for(box):
    box.plant({".gitignore": "out\n", "out/a": "", ".env": "", "b": "", ".git/c": ""})
    assert names(box, "**") == ["b"]
    assert sorted(names(box, "**", hidden=True)) == [".env", ".gitignore", "b"]
    assert sorted(names(box, "**", ignored=True)) == ["b", "out/a"]
    assert len(names(box, "**", ignored=True, hidden=True)) == 5
    assert sorted(names(box, "*", path="out")) == ["out/a"]


def test_links_to_files_inside_are_found_and_directories_are_not_entered(box, root):
    box.plant({"d/f": "four"})
    os.symlink("d/f", root / "link")
    os.symlink("d", root / "folder")
    os.symlink("/etc/passwd", root / "out")
    os.symlink("gone", root / "dangling")
    found = box.call("fs.glob", pattern="**")["files"]
    assert sorted((one["path"], one["size"]) for one in found) == [("d/f", 4), ("link", 4)]


def test_ten_thousand_files_are_found_in_bounded_memory(box, root):
    for number in range(10000):
        if number % 100 == 0:
            (root / f"d{number // 100}").mkdir()
        (root / f"d{number // 100}/{number}.txt").touch()
    result = box.call("fs.glob", pattern="**/*.txt", limit=10000)
    assert (result["total"], result["truncated"]) == (10000, True)
    assert len(result["files"]) > 2000
    highest = Path(f"/proc/{box.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(highest) < 100 << 10


@pytest.mark.parametrize("pattern", ["", "a/../b", "[a", "x\\", "{a,b}" * 9, "x" * 2000, "/"])
def test_patterns_that_can_match_nothing_are_told(box, pattern):
    code = "path_outside" if pattern == "/" else "invalid_input"
    box.refuses("fs.glob", code, pattern=pattern)


def test_braces_are_written_out_in_order():
    assert braces("a{b,c{d,e}}f") == ["abf", "acdf", "acef"]
    assert braces("{a,b}{c,d}") == ["ac", "ad", "bc", "bd"]
    assert braces("{a}") == ["{a}"]
    assert braces("{a,") == ["{a,"]
    assert braces("x{,y}") == ["x", "xy"]
    assert braces(r"\{a,b}") == [r"\{a,b}"]


PARTS = st.sampled_from(["a", "b", "*", "**", "?", "a*", "*b", "[ab]", "[!a]", ".h", "{a,b}", "ab"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
TREE = ["a", "b/a", "b/ab", "ab/a/b", "ab/.h/a", ".h/b", "a.d/a/b/ab", "b/b/b", ".h2", "c/ab"]


def slow_match(pattern: list[str], parts: list[str], hidden: bool) -> bool:
    if not pattern:
        return not parts
    first = pattern[0]
    if first == "**":
        if slow_match(pattern[1:], parts, hidden) and (parts or len(pattern) > 1):
            return True
        return (
            bool(parts)
            and (hidden or parts[0][0] != ".")
            and (slow_match(pattern, parts[1:], hidden) or (len(parts) == 1 and len(pattern) == 1))
        )
    if not parts or (parts[0][0] == "." and first[0] != "." and not hidden):
        return False
    regex = first.replace(".", r"\.").replace("*", ".*").replace("?", ".").replace("[!", "[^")
    return bool(re.fullmatch(regex, parts[0])) and slow_match(pattern[1:], parts[1:], hidden)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(pattern=PATTERNS, hidden=st.booleans())
def test_it_agrees_with_brute_force(shared, pattern, hidden):
    if not (shared.root / "g/c").exists():
        shutil.rmtree(shared.root / "g", ignore_errors=True)
        shared.plant({f"g/{name}": "" for name in TREE})
    ways = [way.split("/") for way in braces(pattern)]
    expected = [f"g/{n}" for n in TREE if any(slow_match(w, n.split("/"), hidden) for w in ways)]
    assert sorted(names(shared, pattern, path="g", hidden=hidden)) == sorted(expected)
