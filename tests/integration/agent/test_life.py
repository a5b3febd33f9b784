"""How the agent starts, restarts, is replaced, and ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent_client import Client, Gone, Refused

from vibn.runtimes.zipapp import build, digest


def argument(place, *words):
    return [place.python, "-I", "-S", str(place.zipapp), *words]


def test_the_agent_says_who_it_is(client, agent, zipapp):
    hello = client.hello
    assert (hello["t"], hello["protocol"], hello["mode"]) == ("hello", 1, "resident")
    assert hello["build"] == digest(zipapp)
    assert hello["pid"] == agent.pid


def test_a_second_agent_on_the_socket_gives_way(client, place):
    second = place.start()
    _, said = second.communicate(timeout=20)
    place.processes.remove(second)
    assert second.returncode != 0
    assert b"another agent serves" in said
    assert client.run("true")["exit"] == 0


def test_a_dead_agents_socket_is_replaced(client, agent, place):
    agent.kill()
    agent.wait(timeout=20)
    place.start()
    assert place.client().run("true")["exit"] == 0


def test_an_orderly_end_says_good_bye_and_removes_the_socket(client, agent, place):
    id = client.start("exec", {"cmd": "sleep 60"})
    agent.terminate()
    frames = client.until_closed()
    assert {"t": "bye", "reason": "shutdown"} in frames
    assert agent.wait(timeout=20) == 0
    assert not place.socket.exists()
    assert id


def test_a_killed_agents_commands_are_ended_by_the_next(client, agent, place, until, alive, end):
    kept = client.run("setsid sleep 60 >/dev/null 2>&1 & sleep 0.1")["left"][0]["pid"]
    end(kept)
    client.start("exec", {"cmd": "echo $$; exec sleep 61", "stream": True})
    client.wait_for(client.last, b"\n")
    pid = int(client.replies[client.last].text())
    agent.kill()
    agent.wait(timeout=20)
    assert alive(pid)
    place.start()
    place.client().run("true")
    until(lambda: not alive(pid))
    assert alive(kept)


# The restart loop


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def main(place):
    return place.start("main")


def test_main_brings_a_killed_agent_back_at_once(main, place, until):
    place.client()
    open_at_first = len(os.listdir(f"/proc/{main.pid}/fd"))
    for _ in range(5):
        client = place.client()
        pid = client.hello["pid"]
        os.kill(pid, signal.SIGKILL)
        client.until_closed()
        other = place.client()
        assert other.hello["pid"] != pid
        assert other.run("ls /proc/self/fd").out.split() == [b"0", b"1", b"2", b"3"]
    assert len(os.listdir(f"/proc/{main.pid}/fd")) <= open_at_first + 1


def test_main_is_a_shell_with_a_name_of_its_own(main, place):
    place.client()
    assert "python" not in Path(f"/proc/{main.pid}/exe").resolve().name
    assert Path(f"/proc/{main.pid}/comm").read_text() == "vibn-main\n"
    assert b"python" not in Path(f"/proc/{main.pid}/cmdline").read_bytes()


def test_main_passes_term_on_with_grace_for_jobs(main, place):
    client = place.client()
    cmd = "trap 'sleep 0.3; echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    id = client.call("job.start", cmd=cmd)["id"]
    client.call("job.read", id=id, wait=20)
    main.terminate()
    assert main.wait(timeout=20) == 0
    assert (place.state / "jobs" / id / "out").read_text().endswith("bye\n")


def test_a_job_under_main_goes_on_when_the_agent_is_killed(main, place):
    client = place.client()
    id = client.call("job.start", cmd="sleep 0.5; echo done; exit 6")["id"]
    os.kill(client.hello["pid"], signal.SIGKILL)
    reply = place.client().call("job.read", id=id, wait=20)
    assert reply.body == b"done\n"
    end = place.client().call("job.read", id=id, offset=5, wait=20)
    assert end["job"]["exit"] == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become a user with few processes")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs the setpriv program")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs the system's Python")
def test_main_lives_through_a_time_without_a_process_to_spare(place):
    base = place.workspace.parent
    shutil.copy(place.zipapp, base / "agent.pyz")
    for path in (base, place.workspace):
        path.chmod(0o777)
    place.python, place.zipapp = "/usr/bin/python3", base / "agent.pyz"
    user = ["setpriv", "--reuid", str(600_000 + os.getpid() % 100_000), "--clear-groups"]
    main = subprocess.Popen([*user, *place.argv("main")], stderr=subprocess.PIPE)
    place.processes.append(main)
    agent = place.client().hello["pid"]
    limit = [*user, "prlimit", "--pid", str(main.pid)]
    subprocess.run([*limit, "--nproc=0:4000"], check=True)
    os.kill(agent, signal.SIGKILL)
    time.sleep(1)
    assert main.poll() is None
    assert children(main.pid) == []
    subprocess.run([*limit, "--nproc=4000:4000"], check=True)
    assert place.client().run("echo back").out == b"back\n"


def test_a_stray_term_to_the_agent_costs_no_job(main, place):
    client = place.client()
    id = client.call("job.start", cmd="sleep 0.5; echo done; exit 6")["id"]
    os.kill(client.hello["pid"], signal.SIGTERM)
    assert client.until_closed()[-1]["reason"] == "shutdown"
    assert place.client().call("job.read", id=id, wait=20).body == b"done\n"


def test_main_waits_ever_longer_for_an_agent_that_fails(place):
    place.socket = place.socket.parent / "no-such-directory" / "agent.sock"
    main = place.start("main")
    time.sleep(1.5)
    assert main.poll() is None
    main.terminate()
    assert main.wait(timeout=20) is not None
    place.processes.remove(main)
    said = main.communicate()[1].decode()
    assert 2 <= said.count("FileNotFoundError") <= 8


def test_main_takes_less_memory_than_an_interpreter(main, place):
    place.client()
    rollup = Path(f"/proc/{main.pid}/smaps_rollup").read_text()
    private = sum(int(line.split()[1]) for line in rollup.splitlines() if "Private" in line)
    assert private < 1024


def test_main_looks_after_an_agent_that_took_over(main, place, newer):
    client = place.client()
    client.call("takeover", newer.read_bytes())
    other = place.client()
    assert other.hello["pid"] == client.hello["pid"]
    os.kill(other.hello["pid"], signal.SIGKILL)
    other.until_closed()
    assert place.client().run("echo back").out == b"back\n"


def test_no_command_holds_the_pipe_that_tells_the_agents_end(main, place, end):
    client = place.client()
    end(client.run("setsid sleep 60 >/dev/null 2>&1 & sleep 0.1")["left"][0]["pid"])
    os.kill(client.hello["pid"], signal.SIGKILL)
    client.until_closed()
    assert place.client().hello["pid"] != client.hello["pid"]


# Takeover


@pytest.fixture
def newer(zipapp, python, tmp_path):
    """Another build: the same program with other bytes."""
    path = tmp_path / "newer.pyz"
    path.write_bytes(b"#!/usr/bin/env python3\n" + build(tmp_path, python).read_bytes())
    return path


def test_a_takeover_changes_the_build_and_keeps_the_process(client, agent, place, newer):
    before = client.hello
    id = client.start("takeover", {}, newer.read_bytes())
    assert client.wait(id)["boot"] == before["boot"]
    assert client.until_closed()[-1] == {"t": "bye", "reason": "replaced"}
    after = place.client().hello
    assert (after["pid"], after["boot"]) == (before["pid"], before["boot"])
    assert after["build"] == digest(newer) != before["build"]


def test_a_takeover_keeps_a_job_its_input_and_its_status(client, place, newer):
    id = client.call("job.start", cmd="echo one; read x; echo $x; exit 9")["id"]
    client.call("takeover", newer.read_bytes())
    other = place.client()
    other.call("job.input", b"two\n", id=id)
    offset = 0
    while (reply := other.call("job.read", id=id, offset=0, wait=1))["job"]["state"] == "running":
        offset = reply["next"]
    assert other.call("job.read", id=id).body == b"one\ntwo\n"
    assert (reply["job"]["exit"], offset <= 8) == (9, True)


def test_a_takeover_cancels_foreground_commands(client, place, newer, until, alive):
    client.start("exec", {"cmd": "echo $$; exec sleep 61", "stream": True})
    client.wait_for(client.last, b"\n")
    pid = int(client.replies[client.last].text())
    place.client().call("takeover", newer.read_bytes())
    until(lambda: not alive(pid))
    assert place.client().run("true")["exit"] == 0


def test_takeovers_may_follow_each_other_and_leave_one_file(client, place, newer):
    for n in range(3):
        place.client().call("takeover", b"#" + bytes([65 + n]) + b"\n" + newer.read_bytes())
    assert place.client().run("echo still").out == b"still\n"
    assert len(list(place.state.glob("agent-*.pyz"))) == 1


def test_a_takeover_by_a_path_in_the_box(client, place, newer):
    client.call("takeover", path=str(newer))
    assert place.client().hello["build"] == digest(newer)


@pytest.mark.parametrize("body", [b"not a zip", b"import sys; sys.exit(3)"])
def test_a_build_that_does_not_start_is_refused_and_not_kept(client, place, body):
    with pytest.raises(Refused) as caught:
        client.call("takeover", body)
    assert caught.value.code == "invalid_input"
    assert client.run("echo on").out == b"on\n"
    assert list(place.state.glob("agent-*.pyz")) == []


def test_memory_and_descriptors_stay_over_takeovers(client, place, newer):
    for _ in range(5):
        place.client().call("takeover", path=str(newer))
    info = place.client().call("info")
    assert info["agent"]["fds"] < 30


# Root mode and relay


def piped(argv):
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_root_mode_runs_commands_on_its_standard_streams(place):
    with piped(argument(place, "root", "--workspace", str(place.workspace))) as process:
        client = Client(process.stdout, process.stdin)
        assert client.hello["mode"] == "root"
        assert client.run("echo hi; pwd").out == f"hi\n{place.workspace}\n".encode()
        assert client.run("tty", pty={})["exit"] == 0
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_root_mode_offers_nothing_but_commands(place):
    with piped(argument(place, "root")) as process:
        client = Client(process.stdout, process.stdin)
        for op in ("fs.read", "job.start", "takeover", "forward"):
            with pytest.raises(Refused) as caught:
                client.call(op)
            assert caught.value.code == "invalid_input"
        process.stdin.close()


def test_root_mode_ends_its_commands_with_its_client(place, until, alive):
    with piped(argument(place, "root", "--workspace", str(place.workspace))) as process:
        client = Client(process.stdout, process.stdin)
        id = client.start("exec", {"cmd": "echo $$; exec sleep 60", "stream": True})
        client.wait_for(id, b"\n")
        pid = int(client.replies[id].text())
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert not alive(pid)


def test_the_relay_is_a_way_to_the_agent(agent, place):
    with piped(argument(place, "relay", "--socket", str(place.socket))) as process:
        client = Client(process.stdout, process.stdin)
        body = os.urandom(800_000)
        assert client.hello["mode"] == "resident"
        reply = client.run("cat", body, cap=400_000, log=False)
        assert reply.out[:200_000] == body[:200_000]
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_a_killed_relay_cancels_what_came_through_it(agent, place, until, alive):
    with piped(argument(place, "relay", "--socket", str(place.socket))) as process:
        client = Client(process.stdout, process.stdin)
        id = client.start("exec", {"cmd": "echo $$; exec sleep 60", "stream": True})
        client.wait_for(id, b"\n")
        pid = int(client.replies[id].text())
        process.kill()
        until(lambda: not alive(pid))


def test_the_relay_ends_with_the_agent(agent, place):
    with piped(argument(place, "relay", "--socket", str(place.socket))) as process:
        client = Client(process.stdout, process.stdin)
        agent.kill()
        with pytest.raises(Gone):
            client.frame()
        assert process.wait(timeout=20) == 0


def test_a_wrong_command_line_says_how_it_should_be(place):
    done = subprocess.run(argument(place, "serve"), capture_output=True, timeout=20, check=False)
    assert done.returncode == 2
    assert b"usage:" in done.stderr


def test_the_source_runs_as_the_zipapp_does():
    argv = [sys.executable, "-m", "vibn.agent", "version"]
    done = subprocess.run(argv, capture_output=True, timeout=20, check=True)
    assert done.stdout.strip() == b"0.1.0"
