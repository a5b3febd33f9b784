"""What a box does to its own way out of trouble: it can always be reached again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vibn.models import Limits
from vibn.runtimes.docker import disk, rundir

LIMITS = Limits(memory=256 << 20, disk=32 << 20, pids=128)
OBSTRUCT = "cd /run/vibn; rm agent.sock; mkdir agent.sock; touch agent.sock/file"
FILL_INODES = """python3 -c '
import itertools
for n in itertools.count():
    open(f"/workspace/{n}", "w").close()'"""
rooted = pytest.mark.skipif(bool(disk.missing()), reason=f"no mounts: {disk.missing()}")


async def test_a_directory_in_the_place_of_the_socket_lasts_until_the_next_start(
    runtime, make, reach
):
    ref = await make(runtime)
    await (await reach(runtime, ref)).exec(OBSTRUCT)
    await runtime.stop(ref)
    await runtime.start(ref)
    assert (await (await reach(runtime, ref)).exec("echo back")).stdout == b"back\n"


async def test_a_directory_in_the_place_of_the_socket_does_not_outlive_the_container(
    runtime, make, reach
):
    ref = await make(runtime)
    await (await reach(runtime, ref)).exec(OBSTRUCT)
    await runtime.remove(ref)
    again = await make(runtime, box_id=ref.box_id)
    assert (await (await reach(runtime, again)).exec("echo back")).stdout == b"back\n"


@rooted
async def test_a_box_without_a_free_inode_is_reached_and_can_delete(runtime, make, reach):
    ref = await make(runtime, limits=LIMITS)
    full = await (await reach(runtime, ref)).exec(FILL_INODES, timeout=120)
    assert b"No space left" in full.stderr
    await runtime.remove(ref)
    again = await make(runtime, box_id=ref.box_id, limits=LIMITS)
    client = await reach(runtime, again)
    await client.fs_delete("0")
    assert (await client.exec("echo new > new && cat new")).stdout == b"new\n"


@rooted
async def test_root_in_the_box_cannot_keep_its_user_from_the_socket(runtime, make, reach):
    ref = await make(runtime)
    locked = "chown 0:0 /run/vibn && chmod 0 /run/vibn"
    assert (await (await reach(runtime, ref, "root")).exec(locked)).exit == 0
    await runtime.stop(ref)
    await runtime.start(ref)
    assert (await (await reach(runtime, ref)).exec("echo back")).stdout == b"back\n"


@rooted
async def test_the_directory_of_the_socket_is_small(runtime, make, reach):
    client = await reach(runtime, await make(runtime))
    big = await client.exec("head -c 2M /dev/zero > /run/vibn/big; rm /run/vibn/big")
    assert b"No space left" in big.stderr
    many = await client.exec("touch $(seq -f /run/vibn/%g 300)")
    assert b"No space left" in many.stderr


@rooted
async def test_nothing_stays_mounted_once_the_box_is_removed(runtime, make):
    ref = await make(runtime)
    place = runtime._host.runs.path(ref.box_id).parent
    assert os.path.ismount(place)
    await runtime.remove(ref)
    assert not place.exists()


async def test_hands_that_start_a_box_at_once_leave_it_reachable(runtime, make, reach):
    ref = await make(runtime)
    await runtime.stop(ref)
    await asyncio.gather(*(runtime.start(ref) for _ in range(5)))
    source = runtime._host.runs.path(ref.box_id)
    assert rundir.binds(await runtime._find(ref))["/run/vibn"] == source
    assert (source / "agent.sock").is_socket() or await reach(runtime, ref)
    assert (await (await reach(runtime, ref)).exec("ls /run/vibn")).stdout == b"agent.sock\n"
    assert os.listdir(source) == ["agent.sock"]


def test_a_deep_tree_and_a_link_are_emptied_without_following(tmp_path: Path):
    place, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    deep = "import os\nfor n in range(3000):\n os.mkdir('d')\n os.chdir('d')"
    place.mkdir()
    subprocess.run([sys.executable, "-c", deep], cwd=place, check=True, timeout=60)
    (place / "link").symlink_to(outside)
    rundir.empty(place)
    assert (os.listdir(place), os.listdir(outside)) == ([], ["file"])
    assert sorted(os.listdir(tmp_path)) == ["outside", "run"]
