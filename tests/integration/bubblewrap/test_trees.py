"""Directories nested deeper than a path or a stack reaches, and what a deletion left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vibn.errors import RuntimeUnavailable
from vibn.runtimes.bubblewrap import trees
from vibn.runtimes.bubblewrap.places import Places

DEPTH = 3000
NEST = f"""python3 -c '
import os, sys
os.chdir(sys.argv[1])
for n in range({DEPTH}): os.mkdir("d"); os.chdir("d"); open("f", "w").close()' """


def nest(top: Path, mode: int) -> None:
    """Nested directories with a file in each; on the way back up each gets ``mode``."""
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(DEPTH):
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.fchmod(fd, mode)
    os.close(fd)


def depth(top: Path) -> int:
    """How many directories lie in each other below ``top``."""
    found, fd = 0, os.open(top, os.O_RDONLY)
    while "d" in os.listdir(fd):
        deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        found, fd = found + 1, deeper
    os.close(fd)
    return found


async def test_a_box_with_a_deep_tree_goes_through_its_whole_life(boxes, runtime):
    ref = await boxes.make(runtime)
    await boxes.told(runtime, ref, f"{NEST} /tmp && {NEST} /workspace && {NEST} ~")
    await runtime.stop(ref)
    await runtime.start(ref)
    assert await boxes.told(runtime, ref, "ls /tmp /workspace") == "/tmp:\n\n/workspace:\nd"
    await runtime.remove(ref)
    await runtime.remove(ref, volumes=True)
    assert not list((boxes.base / "trash").iterdir())
    assert not Places(boxes.base, ref.box_id).volumes.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="without root all boxes are one host user")
async def test_a_deep_tree_is_given_to_the_next_user(boxes, runtime):
    ref = await boxes.make(runtime)
    at = Places(boxes.base, ref.box_id)
    await boxes.told(runtime, ref, f"{NEST} /workspace && ln -s /etc/passwd /workspace/link")
    await runtime.remove(ref)
    at.label.write_text(at.label.read_text().replace(str(at.workspace.stat().st_uid), "7"))
    again = await boxes.make(runtime, box_id=ref.box_id)
    assert await boxes.told(runtime, again, "stat -c %U . d d/d link | sort -u") == "vibn"
    assert os.stat("/etc/passwd").st_uid == 0
    assert depth(at.workspace) == DEPTH


async def test_what_an_earlier_deletion_left_is_deleted_with_the_next_list(boxes, runtime):
    ref = await boxes.make(runtime)
    nest(boxes.base / "trash" / "left.1", 0o500)
    assert [box.ref for box in await runtime.list()] == [ref]
    assert not list((boxes.base / "trash").iterdir())


async def test_what_the_host_refuses_is_an_error_of_ours(boxes, runtime):
    ref = await boxes.make(runtime)
    await runtime.stop(ref)
    trash = boxes.base / "trash"
    trash.rmdir()
    trash.write_text("in the way")
    with pytest.raises(RuntimeUnavailable):
        await runtime.remove(ref)
    trash.unlink()


def test_a_deletion_follows_no_link_and_needs_few_descriptors(tmp_path):
    nest(tmp_path / "deep", 0o000)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (tmp_path / "deep" / "link").symlink_to(kept)
    before = len(os.listdir("/proc/self/fd"))
    trees.delete(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()
    assert (kept / "file").exists()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_link_in_the_place_of_a_tree_is_not_followed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(OSError, match="link"):
        trees.delete(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()


def test_wide_and_locked_directories_are_deleted(tmp_path):
    for n in range(2500):
        (tmp_path / "wide" / f"d{n % 50}" / f"e{n}").mkdir(parents=True)
    for n in range(50):
        (tmp_path / "wide" / f"d{n}").chmod(0o500)
    (tmp_path / "wide").chmod(0o000)
    trees.delete(tmp_path / "wide")
    assert not (tmp_path / "wide").exists()
