"""The rules of .gitignore, compared with git itself, and what a walk makes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibn.agent.ignore import Rules, spelled
from vibn.agent.paths import Root
from vibn.agent.walk import Walk

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "HOME": "/nonexistent",
    "PATH": os.environ["PATH"],
}


def seen(root: Path) -> list[str]:
    """The files that a walk finds."""
    with Root(str(root)) as top:
        found = list(Walk(top, [], hidden=True, ignored=False))
    return [one.path for one in found if one is not None and one.kind != "dir"]


def kept(root: Path) -> list[str]:
    """The files that git would take."""
    args = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    out = subprocess.run(args, cwd=root, env=GIT, capture_output=True, check=True).stdout
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def repository(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    subprocess.run(["git", "init", "-q", "."], cwd=root, env=GIT, check=True)
    return root


TREE = ["a", "b", "ab", "a.b", "d/a", "d/b", "d/ab", "d/e/a", "d/e/b.c", "d/e/f/a", "e/d/a"]
TREE += ["a b", "#a", "!a", "d/ ", "x/d/e/a", "[a]", "a*", "é/é", "d/a\\b", "X/A", "e/ab/ab"]
PIECES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "d",
        "e",
        "f",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[a-c]",
        "[^b]",
        "/",
        "/",
        "\\",
        ".",
        " ",
        "!",
        "#",
        "é",
        "[[:alpha:]]",
        "[]a]",
        "[",
        "x",
        "c",
        "**/",
        "/**",
        "\\*",
        "[\\]]",
    ]
)
LINE = st.one_of(
    st.lists(PIECES, max_size=5).map("".join),
    st.sampled_from(TREE).map(lambda name: name + "/"),
    st.lists(PIECES, max_size=4).map(lambda pieces: "!" + "".join(pieces)),
    st.lists(PIECES, max_size=3).map(lambda pieces: "/" + "".join(pieces) + "/"),
)
FILE = st.tuples(st.lists(LINE, max_size=4), st.sampled_from(["\n", "\r\n"])).map(
    lambda pair: pair[1].join(pair[0]) + pair[1]
)


@needs_git
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=st.dictionaries(st.sampled_from(["", "d", "d/e", "e", "!"]), FILE, max_size=3))
def test_the_walk_sees_what_git_would_take(tmp_path_factory, files):
    root = tmp_path_factory.getbasetemp() / "ignoring"
    if not (root / ".git").exists():
        repository(root)
        for name in TREE:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("x")
    for place in ("", "d", "d/e", "e"):
        (root / place / ".gitignore").write_text(files.get(place, ""))
    (root / ".git/info/exclude").write_text(files.get("!", ""))
    assert sorted(seen(root)) == sorted(kept(root))


@needs_git
@pytest.mark.parametrize(
    "rules",
    [
        "*\n!*/\n!*.b\n",
        "/d/*\n!/d/e\n/d/e/*\n!/d/e/f\n",
        "**/a\n",
        "d/**/a\n",
        "d/**\n!d/e/\n",
        "a\\ \n",
        "a b   \n",
        "\\#a\n\\!a\n",
        "foo**/a\nd**/a\n",
        "\ufeffab\n",
        "d//\n",
        "/\n//\n\\\n[\n",
        "x/**/e\n",
        "*/e\n",
        "[a\n",
        "d/a\\\\b\n",
    ],
)
def test_rules_that_are_often_got_wrong(tmp_path, rules):
    root = repository(tmp_path / "r")
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / ".gitignore").write_text(rules)
    assert sorted(seen(root)) == sorted(kept(root))


def test_a_repository_in_another_has_rules_of_its_own(tmp_path):
    for name in ("in/.git/HEAD", "in/a.log", "in/b.tmp", "a.log", "out/x", "in/.git/info/exclude"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("*.tmp\n" if "exclude" in name else "x")
    (tmp_path / ".gitignore").write_text("*.log\nout\n")
    assert seen(tmp_path) == [".gitignore", "in/a.log"]


def test_a_link_in_place_of_a_rule_file_is_not_followed(tmp_path):
    (tmp_path / "rules").write_text("*\n")
    os.symlink("rules", tmp_path / ".gitignore")
    assert seen(tmp_path) == [".gitignore", "rules"]


def test_ignored_directories_are_not_even_opened(box, root):
    box.plant({".gitignore": "big/\n", "f": "x"})
    (root / "big").mkdir()
    for number in range(3000):
        (root / f"big/{number}").touch()
    before = os.stat(root / "big").st_atime_ns
    assert box.call("fs.glob", pattern="**")["total"] == 1
    assert os.stat(root / "big").st_atime_ns == before


@pytest.mark.parametrize("rule", ["*a" * 30 + "b", "**/a/" * 30 + "b", "[a-z]*" * 40 + "0"])
def test_no_rule_takes_time_without_bound(rule):
    # Without care for backtracking this would not end.
    rules = Rules(rule)
    name = "a" * 250
    assert rules.verdict(spelled("/".join(["a"] * 1000) + "/" + name), name, False) is None
