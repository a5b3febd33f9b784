"""fs.watch, on a real agent and the real kernel."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest


class Watch:
    def __init__(self, client: Any, **args: Any) -> None:
        self.client = client
        self.id = client.ask("fs.watch", args)
        self.seen: dict[str, str] = {}
        assert self.more() == []

    def more(self) -> list[dict[str, str]]:
        header, body = self.client.frame(self.id)
        assert (header["t"], header["s"]) == ("data", "ev"), header
        self.client.send({"t": "credit", "id": self.id, "s": "ev", "n": len(body)})
        changes = json.loads(body)
        for change in changes:
            self.seen[change.get("path", "")] = change["kind"]
        return changes

    def until(self, **wanted: str) -> dict[str, str]:
        """Reads on until each path (with ``__`` for a slash, ``_`` for a dot) has its kind."""
        names = {key.replace("__", "/").replace("_", "."): kind for key, kind in wanted.items()}
        while any(self.seen.get(name) != kind for name, kind in names.items()):
            self.more()
        seen, self.seen = self.seen, {}
        return seen


@pytest.fixture
def watching(box: Any) -> Callable[..., Watch]:
    return lambda **args: Watch(box, **{"debounce": 0.02, **args})


def test_changes_of_files_are_told(box, root, watching):
    box.plant({"a": "1", "d/b": "1"})
    watch = watching()
    (root / "a").write_text("2")
    (root / "d/new").write_text("x")
    (root / "d/b").unlink()
    seen = watch.until(a="changed", d__new="created", d__b="deleted")
    assert len(seen) == 3


def test_an_atomic_write_is_one_change_of_the_file_itself(box, root, watching):
    box.plant({"f": "1"})
    watch = watching()
    writer = box.again()
    writer.call("fs.write", b"2", path="f")
    writer.call("fs.write", b"2", path="g")
    assert watch.until(f="changed", g="created") == {"f": "changed", "g": "created"}
    writer.close()


def test_new_directories_are_watched_with_what_is_already_in_them(box, root, watching):
    watch = watching()
    (root / "x/y").mkdir(parents=True)
    (root / "x/y/early").write_text("1")
    watch.until(x="created", x__y__early="created")
    (root / "x/y/late").write_text("1")
    watch.until(x__y__late="created")


def test_a_moved_directory_is_followed_to_its_new_place(box, root, watching):
    box.plant({"old/f": "1"})
    watch = watching()
    os.rename(root / "old", root / "new")
    watch.until(old="deleted", new="created", new__f="created")
    (root / "new/f").write_text("2")
    assert watch.until(new__f="changed") == {"new/f": "changed"}


def test_ignored_files_are_not_told_until_the_rules_change(box, root, watching):
    box.plant({".gitignore": "out/\n*.log\n", "out/f": "1", ".git/HEAD": "x"})
    watch = watching()
    for name in ("out/f", "a.log", ".git/HEAD", "seen"):
        (root / name).write_text("2")
    assert watch.until(seen="created") == {"seen": "created"}
    (root / ".gitignore").write_text("nothing\n")
    watch.until(_gitignore="changed")
    (root / "out/f").write_text("3")
    watch.until(out__f="changed")


def test_with_ignored_everything_is_told(box, root, watching):
    box.plant({".gitignore": "out/\n", "out/f": "1"})
    watch = watching(ignored=True)
    (root / "out/f").write_text("2")
    watch.until(out__f="changed")


def test_without_recursive_only_the_directory_itself_is_told(box, root, watching):
    box.plant({"d/f": "1", "d/e/f": "1"})
    watch = watching(path="d", recursive=False)
    (root / "d/e/f").write_text("2")
    (root / "d/f").write_text("2")
    assert watch.until(d__f="changed") == {"d/f": "changed"}


def test_what_comes_and_goes_at_once_is_not_told(box, root, watching):
    watch = watching(debounce=0.3)
    for name in ("brief", "stays"):
        (root / name).write_text("x")
    (root / "brief").unlink()
    assert watch.until(stays="created") == {"stays": "created"}


def test_more_changes_than_are_held_become_an_overflow(box, root, watching):
    watch = watching(debounce=1)
    turn = 0
    while "overflow" not in watch.seen.values():
        turn += 1
        for number in range(2500):
            (root / f"{turn}-{number}").touch()
        watch.more()
    assert watch.seen[""] == "overflow"


def test_a_reader_that_stops_reading_costs_nothing_and_is_told_of_the_gap(box, root, watching):
    watch = watching(debounce=0)
    for turn in range(2):
        for number in range(1000):
            (root / f"{'n' * 200}{turn}-{number}").touch()
        assert box.again().call("fs.stat", path=".")["type"] == "dir", turn
    (root / "last").touch()
    while watch.seen.get("last") is None and watch.seen.get("") is None:
        watch.more()
    (root / "again").touch()
    watch.until(again="created")


def test_the_end_of_the_directory_is_the_end_of_the_watch(box, root, watching):
    box.plant({"d/f": "1"})
    watch = watching(path="d")
    shutil.rmtree(root / "d")
    with pytest.raises(Exception, match="file_missing"):
        watch.until(never="created")


def test_a_cancelled_watch_gives_its_descriptors_back(box, root, watching):
    before = len(os.listdir(f"/proc/{box.pid}/fd"))
    watch = watching()
    assert len(os.listdir(f"/proc/{box.pid}/fd")) > before
    box.send({"t": "cancel", "id": watch.id})
    with pytest.raises(Exception, match="cancelled"):
        watch.more()
    assert len(os.listdir(f"/proc/{box.pid}/fd")) == before


def test_only_directories_are_watched(box, root):
    box.plant({"f": "1"})
    box.refuses("fs.watch", "invalid_input", path="f")
    box.refuses("fs.watch", "file_missing", path="gone")
    box.refuses("fs.watch", "path_outside", path="..")
