"""A time-out or a cancel ends every process that a command started, however it hides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from agent_client import Refused

HIDING = """
sleep 61 &
setsid sleep 62 &
(sleep 63 & sleep 64 &) &
( (setsid nohup sleep 65 >/dev/null 2>&1 &) & )
sh -c 'trap "" TERM HUP INT; sleep 66; sleep 67' &
echo started
sleep 68
"""


def of_run(marker: str) -> list[int]:
    """The processes that carry a command's marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"VIBN_RUN={marker}\0".encode() in environ and state != "Z":
                found.append(int(entry.name))
    return found


def refusal(client) -> str:
    """The code with which the box refuses another command, or ""."""
    try:
        client.run("true")
    except Refused as error:
        return error.code
    return ""


def test_a_time_out_kills_all_that_was_started(client):
    reply = client.run("echo $VIBN_RUN; " + HIDING, timeout=0.5)
    assert reply["timed_out"]
    assert len(reply["killed"]) >= 7
    assert of_run(reply.out.split()[0].decode()) == []


def test_the_killed_are_named_with_the_shell_first(client):
    reply = client.run("sleep 60 & sleep 61", timeout=0.3)
    assert [one["name"] for one in reply["killed"]] == ["sh", "sleep", "sleep"]


def test_output_before_a_time_out_is_kept(client):
    reply = client.run("echo before; sleep 60", timeout=0.3)
    assert reply.out == b"before\n"
    assert reply["signal"] == "KILL"


def test_a_time_out_does_not_strike_a_command_that_ends(client):
    assert not client.run("true", timeout=5)["timed_out"]


def test_cancel_ends_the_command_and_answers(client):
    id = client.start("exec", {"cmd": "echo $VIBN_RUN; " + HIDING, "stream": True})
    client.wait_for(id, b"started")
    client.cancel(id)
    reply = client.wait(id)
    assert reply["cancelled"]
    assert not reply["timed_out"]
    assert of_run(reply.text().split()[0]) == []


def test_a_closed_connection_ends_its_commands(client, place, until):
    id = client.start("exec", {"cmd": "echo $VIBN_RUN; " + HIDING, "stream": True})
    client.wait_for(id, b"started")
    marker = client.replies[id].text().split()[0]
    client.close()
    until(lambda: not of_run(marker))
    assert place.client().run("echo next").out == b"next\n"


def test_a_signal_reaches_the_command(client):
    cmd = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    id = client.start("exec", {"cmd": cmd, "stream": True})
    client.wait_for(id, b"ready")
    client.send({"t": "ctl", "id": id, "do": "signal", "signal": "INT"})
    reply = client.wait(id)
    assert (reply["exit"], "caught" in reply.text()) == (5, True)


def test_zombies_are_reaped(client, agent):
    client.run("for i in 1 2 3 4 5; do (sleep 0.01 &) ; done; sleep 0.2")
    children = Path(f"/proc/{agent.pid}/task/{agent.pid}/children")
    if not children.exists():
        pytest.skip("this kernel does not list children")
    assert children.read_text().strip() == ""


def test_a_process_that_erased_its_environment_is_found_through_its_parents(client, alive):
    # It stays in the family as long as its line of parents, or its session, leads to the shell.
    cmd = "env -i sh -c 'echo $$; sleep 60; :' & sleep 60"
    reply = client.run(cmd, timeout=0.4)
    assert not alive(int(reply.out.split()[0]))


def test_a_fork_bomb_comes_to_rest(client, agent):
    bomb = "b() { b | b & }; ulimit -u 400 2>/dev/null; echo $VIBN_RUN; "
    cmd = (
        bomb
        + "i=0; while [ $i -lt 150 ]; do (while :; do (sleep 0.01); done) & i=$((i+1)); done; wait"
    )
    reply = client.run(cmd, timeout=1.0)
    assert reply["timed_out"]
    assert of_run(reply.out.split()[0].decode()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become a user with few processes")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs the setpriv program")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs the system's Python")
def test_killing_needs_no_process_when_the_limit_is_reached(place):
    base = place.workspace.parent
    shutil.copy(place.zipapp, base / "agent.pyz")
    for path in (base, place.workspace):
        os.chmod(path, 0o777)
    place.python, place.zipapp = "/usr/bin/python3", base / "agent.pyz"
    user = str(500_000 + os.getpid() % 100_000)
    few = ["setpriv", "--reuid", user, "--clear-groups", "prlimit", "--nproc=30:30"]
    place.processes.append(subprocess.Popen([*few, *place.argv("serve")], stderr=subprocess.PIPE))
    client = place.client()
    cmd = "echo $VIBN_RUN; (while :; do sleep 60 & done); sleep 60 & echo full; read x"
    id = client.start("exec", {"cmd": cmd, "stream": True, "stdin": True})
    client.wait_for(id, b"full")
    assert refusal(client) == "pids_limit"
    client.cancel(id)
    assert client.wait(id)["cancelled"]
    assert of_run(client.replies[id].text().split()[0]) == []
    assert client.run("echo alive").out == b"alive\n"


def test_the_agent_survives_what_hits_pythons(client, agent, python):
    title = Path(f"/proc/{agent.pid}/cmdline").read_bytes().rstrip(b"\0")
    name = Path(f"/proc/{agent.pid}/comm").read_text().strip()
    assert (title, name) == (b"vibn-agent", "vibn-agent")
    if not shutil.which("pgrep"):
        pytest.skip("needs the pgrep program")
    for pattern in (["python"], ["python3"], ["-f", "python"], ["-f", Path(python).name]):
        found = client.call("exec", argv=["pgrep", *pattern]).out.split()
        assert str(agent.pid).encode() not in found, sys.version
