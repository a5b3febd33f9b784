"""What a box writes outside of its volumes: under its disk limit, or said not to be."""

from __future__ import annotations

import pytest

from vibn.models import Limits
from vibn.runtimes.docker import disk, layer
from vibn.runtimes.docker.engine import Engine, engine_url

SMALL = Limits(memory=256 << 20, disk=32 << 20, pids=128)
XFS = {
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "xfs"]],
    "DockerRootDir": "/var/lib/docker",
}
ROOT = "21 1 8:1 / / rw - ext4 /dev/sda1 rw"
rooted = pytest.mark.skipif(bool(disk.missing()), reason=f"no disk images: {disk.missing()}")


@rooted
@pytest.mark.parametrize("place", ["/tmp", "/var/tmp"])
@pytest.mark.parametrize("user", ["vibn", "root"])
async def test_temporary_files_count_against_the_disk(runtime, make, reach, place, user):
    client = await reach(runtime, await make(runtime, limits=SMALL), user)
    done = await client.exec(f"stat -c %a {place}; head -c 100M /dev/zero > {place}/big")
    assert done.stdout == b"1777\n"
    assert b"No space left" in done.stderr


@rooted
async def test_temporary_files_outlive_a_stop_and_end_with_the_container(runtime, make, reach):
    ref = await make(runtime)
    await (await reach(runtime, ref)).exec("touch /tmp/file /var/tmp/file")
    await runtime.stop(ref)
    await runtime.start(ref)
    kept = await (await reach(runtime, ref)).exec("ls /tmp/file /var/tmp/file")
    await runtime.remove(ref)
    again = await make(runtime, box_id=ref.box_id)
    left = await (await reach(runtime, again)).exec("find /tmp /var/tmp -name file")
    assert (kept.stdout, left.stdout) == (b"/tmp/file\n/var/tmp/file\n", b"")


async def test_a_layer_without_a_limit_is_told_of_the_box_and_of_the_engine(either, make):
    status = await either.status(await make(either))
    engine = Engine(engine_url())
    held = layer.limited(await engine.info())
    await engine.close()
    assert (layer.UNHELD in status.unapplied) == (not held or not either._engine.local)
    told = [found.severity for found in await either.check() if found.subject == "container layer"]
    assert told == ([("ok" if held else "warning")] if either._engine.local else [])


@pytest.mark.parametrize(
    ("options", "held"), [("rw,noquota", False), ("rw,attr2,prjquota", True), ("rw,pquota", True)]
)
def test_a_layer_has_a_limit_on_xfs_with_project_quotas_only(options, held):
    mounts = f"{ROOT}\n22 21 8:2 / /var/lib rw,noatime shared:2 - xfs /dev/sdb1 {options}\n"
    assert layer.limited(XFS, mounts) == held
    assert not layer.limited(XFS, ROOT)
    assert not layer.limited({**XFS, "DriverStatus": []}, mounts)
    assert not layer.limited({**XFS, "Driver": "vfs"}, mounts)
