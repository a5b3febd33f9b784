"""The disk limit: an image of its own under each box's volumes."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from vibn.models import BoxRef, Limits
from vibn.runtimes.docker import DockerRuntime, disk

pytestmark = pytest.mark.skipif(bool(disk.missing()), reason=f"no disk images: {disk.missing()}")
SMALL = Limits(memory=256 << 20, disk=32 << 20, pids=128)


async def test_a_full_disk_refuses_the_write_and_keeps_the_old_file(runtime, make, reach):
    client = await reach(runtime, await make(runtime, limits=SMALL))
    await client.exec("echo old > kept.txt")
    full = await client.exec("head -c 100M /dev/zero > big; cat kept.txt")
    assert b"No space left" in full.stderr
    assert full.stdout == b"old\n"
    assert (await client.exec("rm big && echo new > kept.txt")).exit == 0


async def test_the_directory_of_the_socket_is_under_the_same_limit(runtime, make, reach):
    client = await reach(runtime, await make(runtime, limits=SMALL))
    done = await client.exec("head -c 100M /dev/zero > /run/vibn/big; rm /run/vibn/big")
    assert b"No space left" in done.stderr


async def test_the_image_is_mounted_again_at_start(runtime, make, reach):
    ref = await make(runtime)
    await (await reach(runtime, ref)).exec("echo kept > kept.txt")
    await runtime.stop(ref)
    unmount(runtime, ref)
    await runtime.start(ref)
    assert (await (await reach(runtime, ref)).exec("cat kept.txt")).stdout == b"kept\n"


async def test_the_engine_cannot_start_a_box_without_its_image(runtime, make):
    ref = await make(runtime)
    await runtime.stop(ref)
    unmount(runtime, ref)
    assert run("docker", "start", ref.handle).returncode != 0
    await runtime.start(ref)
    assert (await runtime.status(ref)).state == "running"


async def test_a_box_that_ran_before_a_reboot_runs_again_and_one_that_slept_sleeps(
    runtime, make, reach, settings, installation
):
    awake, asleep = await make(runtime), await make(runtime)
    await runtime.stop(asleep)
    for ref in (awake, asleep):
        run("docker", "kill", ref.handle)
        unmount(runtime, ref)
    after = DockerRuntime(settings, installation)
    states = {box.ref: box.state for box in await after.list()}
    assert states == {awake: "running", asleep: "stopped"}
    await after.close()


async def test_a_larger_limit_grows_the_image_with_the_next_container(runtime, make, reach):
    ref = await make(runtime, limits=SMALL)
    await (await reach(runtime, ref)).exec("echo kept > kept.txt")
    await runtime.remove(ref)
    larger = replace(SMALL, disk=96 << 20)
    again = await make(runtime, box_id=ref.box_id, limits=larger)
    client = await reach(runtime, again)
    done = await client.exec("head -c 60M /dev/zero > big && cat kept.txt")
    assert done.stdout == b"kept\n", done.stderr.decode()


async def test_an_image_that_a_sandbox_of_the_host_holds_grows_when_it_lets_go(
    runtime, make, reach, monkeypatch
):
    ref = await make(runtime, limits=SMALL)
    await (await reach(runtime, ref)).exec("echo kept > kept.txt")
    await runtime.remove(ref)
    larger, image = replace(SMALL, disk=96 << 20), runtime._host.disks.image(ref.box_id)
    monkeypatch.setattr(disk, "RELEASE", 0.2)
    words = ["unshare", "--mount", "sh", "-c", "echo held; read go"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        held = await make(runtime, box_id=ref.box_id, limits=larger)
        client = await reach(runtime, held)
        assert (await client.exec("cat kept.txt")).stdout == b"kept\n"
        assert image.stat().st_size == SMALL.disk
        await runtime.remove(held)
        holder.stdin.close()
    monkeypatch.undo()
    client = await reach(runtime, await make(runtime, box_id=ref.box_id, limits=larger))
    assert (await client.exec("cat kept.txt")).stdout == b"kept\n"
    assert image.stat().st_size == larger.disk


async def test_nothing_of_the_image_is_left_once_its_volumes_go(runtime, make):
    ref = await make(runtime)
    image = runtime._host.disks.image(ref.box_id)
    assert image.exists()
    await runtime.remove(ref, volumes=True)
    assert not image.parent.exists()
    assert run("losetup", "--associated", str(image)).stdout == b""


async def test_a_limit_that_is_not_held_is_told(remote, make):
    ref = await make(remote)
    assert "disk" in (await remote.status(ref)).unapplied


def unmount(runtime: DockerRuntime, ref: BoxRef) -> None:
    """What a reboot leaves."""
    run("umount", str(runtime._host.runs.path(ref.box_id).parent))
    assert run("umount", str(runtime._host.disks.mountpoint(ref.box_id))).returncode == 0


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, timeout=60)
