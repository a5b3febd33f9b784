"""A full disk or a used-up quota refuses the write and leaves the old file as it was."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from vibn.agent.failure import from_os_error


@pytest.fixture
def small(root: Path) -> Iterator[Path]:
    """A directory in the workspace with 256 KiB of space."""
    place = root / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    (place / "f").write_bytes(b"old" * 1000)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_write_that_does_not_fit_leaves_the_old_file(box, small):
    box.refuses("fs.write", "disk_full", b"x" * 300000, path="small/f")
    with pytest.raises(Exception, match="disk_full"):
        box.stream("fs.write", b"x" * 400000, path="small/f", stream=True)
    assert (small / "f").read_bytes() == b"old" * 1000
    assert os.listdir(small) == ["f"]


def test_an_edit_that_does_not_fit_leaves_the_old_file(box, small):
    args = {"path": "small/f", "old": "old", "new": "x" * 400, "all": True}
    box.refuses("fs.edit", "disk_full", **args)
    assert (small / "f").read_bytes() == b"old" * 1000
    assert os.listdir(small) == ["f"]


def test_an_archive_that_does_not_fit_leaves_no_half_file(box, small):
    box.plant({"big": os.urandom(500000)})
    sink = bytearray()
    box.answer(box.ask("fs.pack", {"path": "big"}), sink)
    with pytest.raises(Exception, match="disk_full"):
        box.stream("fs.unpack", bytes(sink), path="small")
    assert os.listdir(small) == ["f"]


def test_there_is_room_again_after_the_refusal(box, small):
    box.refuses("fs.write", "disk_full", b"x" * 300000, path="small/g")
    box.call("fs.write", b"y" * 100000, path="small/f")
    assert (small / "f").read_bytes() == b"y" * 100000


def test_a_used_up_quota_is_a_full_disk():
    failure = from_os_error(OSError(errno.EDQUOT, "Disk quota exceeded"), "f")
    assert failure.code == "disk_full"
