"""The bound on a job's output file, with holes and without."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from vibn.agent.job import Job


def job_in(directory) -> Job:
    data = {"id": "j1", "limit": 1 << 20, "first": 0, "base": 0}
    return Job(SimpleNamespace(), str(directory), data)


def append(directory, data: bytes) -> None:
    with open(directory / "out", "ab") as file:
        file.write(data)


def pour_in(job, directory) -> bytes:
    written = b""
    for n in range(64):
        piece = b"%07d\n" % n * 16384
        append(directory, piece)
        written += piece
        job.trim()
    return written


def check(job, written) -> None:
    first = job.data["first"]
    assert job.size() == len(written)
    assert first > 0
    assert job.read_output(first, 1 << 23) == written[first:]


def test_old_output_is_given_back_and_offsets_stay(tmp_path):
    job = job_in(tmp_path)
    written = pour_in(job, tmp_path)
    check(job, written)
    if job.data["base"] == 0:
        assert (tmp_path / "out").stat().st_blocks * 512 < 2 << 20


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a file system")
@pytest.mark.skipif(not shutil.which("mount"), reason="needs the mount program")
def test_without_holes_the_file_starts_again_and_offsets_stay(tmp_path):
    # ramfs cannot punch holes.
    if subprocess.run(["mount", "-t", "ramfs", "none", tmp_path], check=False).returncode:
        pytest.skip("this machine does not let us mount a ramfs")
    try:
        job = job_in(tmp_path)
        check(job, pour_in(job, tmp_path))
        assert job.data["base"] > 0
    finally:
        subprocess.run(["umount", tmp_path], check=True)
