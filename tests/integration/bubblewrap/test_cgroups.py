"""Control groups of version 2: files as on a host that has it, and the real freezer where the
kernel shows it, which a host with the hybrid layout does too."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

import pytest

from vibn.models import Limits
from vibn.runtimes.bubblewrap import cgroups
from vibn.runtimes.processes import Process

LIMITS = Limits(cpus=1.5, memory=256 << 20, pids=99)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory that looks as the top of version 2 does."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    return tmp_path


def test_version_2_is_told_from_version_1(tree):
    found = cgroups.detect("vibn-x", tree)
    assert found is not None
    assert (found.name, set(found.parents)) == (
        "cgroup v2",
        {"memory", "pids", "cpus", "freezer"},
    )


def test_version_2_gets_its_limits_in_its_files(tree):
    group = cgroups.Group(2, dict.fromkeys(("memory", "pids", "cpus", "freezer"), tree / "g" / "b"))
    assert group.make(LIMITS) == {"memory", "pids", "cpus"}
    written = {p.name: p.read_text() for p in (tree / "g" / "b").iterdir()}
    assert written["memory.max"] == str(256 << 20)
    assert written["memory.swap.max"] == "0"
    assert written["pids.max"] == "99"
    assert written["cpu.max"] == "150000 100000"


def test_version_2_tells_memory_kills_and_frozen(tree):
    group = cgroups.Group(2, {"memory": tree, "freezer": tree})
    (tree / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (tree / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    assert group.oom_kills() == 2
    assert group.is_frozen()


def test_where_nothing_can_be_made_there_are_no_groups(tmp_path):
    assert cgroups.detect("vibn-x", tmp_path / "missing") is None


def test_the_freezer_of_version_2_freezes_a_process():
    name = f"vibn-test-{secrets.token_hex(4)}"
    tops = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
    top = next((t for t in tops if (t / "cgroup.controllers").is_file()), None)
    if top is None or os.geteuid() != 0:
        pytest.skip("this host shows no cgroup v2 to us")
    found = cgroups.detect(name, top)
    assert found is not None
    group = found.group("box")
    group.make(Limits())
    child = subprocess.Popen(["sleep", "60"])
    try:
        group.entrances[0].write_text(str(child.pid))
        group.freeze(True)
        assert group.is_frozen()
        group.freeze(False)
        assert Process.find(child.pid) is not None
        assert not group.is_frozen()
    finally:
        child.kill()
        child.wait()
        group.remove()
