"""Nothing leaves the workspace, however links are laid and swapped."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibn.agent.failure import Failure
from vibn.agent.paths import Root, locate

OPERATIONS = {
    "fs.read": {},
    "fs.lines": {},
    "fs.stat": {},
    "fs.list": {},
    "fs.write": {},
    "fs.edit": {"old": "a", "new": "b"},
    "fs.mkdir": {},
    "fs.glob": {"pattern": "*"},
    "fs.grep": {"pattern": "x"},
    "fs.watch": {},
    "fs.pack": {},
}


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("../x", "/x"),
        ("/etc/passwd", "/etc/passwd"),
        ("a/../../etc", "/etc"),
        ("/workspacex/y", "/workspacex/y"),
        ("/workspace/../etc/./x", "/etc/x"),
        ("out", "/etc"),
        ("out/passwd", "/etc/passwd"),
        ("deep/up/etc", "/etc"),
        ("chain/hosts", "/etc/hosts"),
    ],
)
def test_a_path_that_leads_out_is_refused_with_where_it_led(box, root, op, path, resolved):
    (root / "a").mkdir()
    (root / "deep").mkdir()
    os.symlink("/etc", root / "out")
    os.symlink("../..", root / "deep/up")
    os.symlink("deep/../out", root / "chain")
    assert box.refuses(op, "path_outside", path=path, **OPERATIONS[op])["resolved"] == resolved


@pytest.mark.parametrize(
    "path",
    [
        "a/f",
        "/workspace/a/f",
        "./a//f",
        "a/../a/f",
        "rel/f",
        "abs/f",
        "real/f",
        "home/a/f",
        "/workspace/../workspace/a/f",
        "../workspace/a/f",
        "file",
        "twice/f",
        "here/rel/f",
    ],
)
def test_what_stays_inside_is_followed(box, root, path):
    box.plant({"a/f": "inside"})
    os.symlink("a", root / "rel")
    os.symlink("/workspace/a", root / "abs")
    os.symlink(root / "a", root / "real")
    os.symlink("..//./workspace", root / "home")
    os.symlink("abs/f", root / "file")
    os.symlink("rel/../abs", root / "twice")
    os.symlink(".", root / "here")
    assert box.both("fs.read", path=path)[1] == b"inside"
    assert box.call("fs.stat", path=path)["path"] == "a/f"


def test_links_in_a_circle_are_told(box, root):
    os.symlink("b", root / "a")
    os.symlink("a", root / "b")
    os.symlink("self/x", root / "self")
    for path in ("a", "a/x", "self"):
        box.refuses("fs.read", "invalid_input", path=path)


def test_a_directory_that_is_not_there_is_named(box, root):
    box.plant({"f": "x"})
    for path in ("no/f", "f/x", "no/../f"):
        box.refuses("fs.read", "file_missing", path=path)


COMPONENTS = st.sampled_from(["a", "b", "l", "m", "..", ".", ""])
PATHS = st.lists(COMPONENTS, min_size=1, max_size=6).map("/".join)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=PATHS, one=PATHS, two=PATHS, absolute=st.booleans())
def test_the_walk_agrees_with_the_kernel(tmp_path_factory, path, one, two, absolute):
    top = tmp_path_factory.getbasetemp() / "kernel"
    inside = top / "workspace"
    with contextlib.suppress(FileNotFoundError):
        for name in ("l", "a/m"):
            (inside / name).unlink()
    (inside / "a/b/a").mkdir(parents=True, exist_ok=True)
    os.symlink(f"{inside}/{one}" if absolute else one or ".", inside / "l")
    os.symlink(two or ".", inside / "a/m")
    try:
        real = os.path.realpath(inside / path.lstrip("/"), strict=True)
    except OSError:
        real = None
    with Root(str(inside)) as root:
        try:
            with locate(root, path.lstrip("/") or ".") as place:
                if place.stat() is None:
                    assert real is None
                else:
                    assert real == str(inside.joinpath(*place.parts))
        except Failure as failure:
            refused = failure.code
        else:
            refused = ""
    if real is not None:
        inside_it = real == str(inside) or real.startswith(f"{inside}/")
        assert refused == ("" if inside_it else "path_outside")


@pytest.fixture
def swapping(root: Path, tmp_path: Path) -> Iterator[Path]:
    """``d`` in the workspace is a directory and a link to one outside, by turns, all the time."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("secret")
    (root / "real").mkdir()
    (root / "real/f").write_text("inside")
    os.symlink(outside, root / "link")
    os.rename(root / "real", root / "d")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            try:
                os.rename(root / "d", root / "real")
                os.rename(root / "link", root / "d")
                os.rename(root / "d", root / "link")
                os.rename(root / "real", root / "d")
            except OSError:
                # A call made a directory of its own while the name was free.
                shutil.rmtree(root / "d", ignore_errors=True)
                with contextlib.suppress(OSError):
                    os.rename(root / "real", root / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    yield outside
    stop.set()
    thread.join()


def attempts(box, op: str, body: bytes = b"", enough: int = 0, **args) -> list[object]:
    """What 300 calls and more gave, until ``enough`` succeeded; how others failed is all one."""
    found: list[object] = []
    deadline = time.monotonic() + 60
    tried = 0
    while tried < 300 or len(found) < enough:
        assert time.monotonic() < deadline
        tried += 1
        with contextlib.suppress(type(box).Refused):
            found.append(box.both(op, body, **args))
    return found


def test_reading_while_a_directory_is_swapped_for_a_link_shows_nothing_outside(box, swapping):
    for op in ("fs.read", "fs.lines"):
        read = attempts(box, op, enough=20, path="d/f")
        assert {body for _, body in read} == {b"inside"}


def test_searching_while_a_directory_is_swapped_shows_nothing_outside(box, swapping):
    for _, args in [("rg", {}), ("include", {"include": "d/*"})]:
        how = {"pattern": "secret|inside", "mode": "content", "ignored": True, **args}
        found = attempts(box, "fs.grep", **how)
        assert "secret" not in str(found)
        assert found


def test_writing_while_a_directory_is_swapped_changes_nothing_outside(box, swapping):
    attempts(box, "fs.write", b"new", enough=20, path="d/made")
    attempts(box, "fs.edit", path="d/f", old="secret", new="changed")
    attempts(box, "fs.mkdir", path="d/dir/deeper")
    attempts(box, "fs.move", path="d/f", to="d/g")
    assert {p.name: p.read_text() for p in swapping.iterdir()} == {"f": "secret"}


def test_deleting_while_a_directory_is_swapped_removes_nothing_outside(box, root, swapping):
    for _ in range(300):
        with contextlib.suppress(Exception):
            box.call("fs.delete", path="d/f")
            box.call("fs.write", b"inside", path="d/f")
        with contextlib.suppress(Exception):
            box.call("fs.delete", path="d/sub", recursive=True)
            box.call("fs.write", b"x", path="d/sub/x/y")
    assert {p.name: p.read_text() for p in swapping.iterdir()} == {"f": "secret"}
