"""What memory costs, and what happens when it runs out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

GROUP = Path("/sys/fs/cgroup/memory")


def test_ten_thousand_commands_leave_nothing(client, place):
    pending = [client.start("exec", {"cmd": "true"}) for _ in range(32)]
    for _ in range(10_000 - 32):
        assert client.wait(pending.pop(0))["exit"] == 0
        pending.append(client.start("exec", {"cmd": "true"}))
    for id in pending:
        client.wait(id)
    own = client.call("info")["agent"]
    assert own["commands"] == 10_000
    assert own["private"] < 12 << 20
    assert own["fds"] < 25
    assert sum(len(files) for _, _, files in os.walk(place.state)) == 1


@pytest.fixture
def limited(place):
    """An agent in a cgroup of 64 MiB, as in a box of that size."""
    group = GROUP / f"vibn-agent-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(64 << 20))
    except OSError:
        pytest.skip("needs the right to make a memory cgroup (version 1)")
    enter = ["/bin/sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"]
    place.processes.append(subprocess.Popen([*enter, *place.argv("serve")], stderr=subprocess.PIPE))
    yield place.client()
    place.close()
    place.processes.clear()
    group.rmdir()


HOG = "python3 -c 'x = bytearray(500 << 20)'"


def test_a_command_that_ran_out_of_memory_is_told(limited):
    reply = limited.run(f"{HOG}; exit $?", timeout=60)
    assert reply["oom"]
    assert reply["exit"] == 137
    assert not limited.run("exit 1")["oom"]
    info = limited.call("info")["memory"]
    assert (info["limit"], info["oom_kills"] > 0) == (64 << 20, True)
