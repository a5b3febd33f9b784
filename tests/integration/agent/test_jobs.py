"""Background jobs: their output, their input, their end, and what they survive."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from agent_client import Refused


def follow(client, id, offset=0, wait=20):
    """All output of a job from ``offset`` until it ends."""
    data = b""
    while True:
        reply = client.call("job.read", id=id, offset=offset, wait=wait)
        data += reply.body
        offset = reply["next"]
        if reply["job"]["state"] != "running" and not reply.body:
            return data, reply["job"]


def kill_agent(agent):
    agent.kill()
    agent.communicate(timeout=20)


def test_a_job_tells_its_output_and_its_end(client):
    id = client.call("job.start", cmd="echo a; echo b >&2; sleep 0.2; echo c; exit 7")["id"]
    data, job = follow(client, id)
    assert data == b"a\nb\nc\n"
    assert (job["state"], job["exit"], job["signal"], job["size"]) == ("exited", 7, None, 6)
    assert job["started_at"] <= job["ended_at"]


def test_a_job_is_listed_with_what_it_was_started_with(client):
    id = client.call("job.start", cmd="sleep 60", name="server", cwd="/usr")["id"]
    (job,) = client.call("job.list")["jobs"]
    assert (job["id"], job["name"], job["cmd"], job["cwd"]) == (id, "server", "sleep 60", "/usr")
    assert job["state"] == "running"
    assert Path(f"/proc/{job['pid']}").exists()


def test_reading_waits_for_the_first_new_byte(client):
    id = client.call("job.start", cmd="sleep 0.3; echo late; sleep 60")["id"]
    assert client.call("job.read", id=id).body == b""
    assert client.call("job.read", id=id, wait=20).body == b"late\n"


def test_reading_counts_offsets_from_either_end(client):
    id = client.call("job.start", cmd="printf 0123456789")["id"]
    follow(client, id)
    assert client.call("job.read", id=id, offset=4, limit=3).body == b"456"
    assert client.call("job.read", id=id, offset=-3).body == b"789"
    assert client.call("job.read", id=id, offset=99).body == b""
    for offset in (1 << 63, -(1 << 63)):
        with pytest.raises(Refused) as caught:
            client.call("job.read", id=id, offset=offset)
        assert caught.value.code == "invalid_input"


def test_an_unknown_job_is_told(client):
    for op in ("job.read", "job.input", "job.signal"):
        with pytest.raises(Refused) as caught:
            client.call(op, id="../../etc")
        assert caught.value.code == "job_not_found"


def test_a_job_that_cannot_start_leaves_nothing(client, place):
    with pytest.raises(Refused) as caught:
        client.call("job.start", cmd="true", cwd="/nowhere")
    assert caught.value.code == "file_missing"
    with pytest.raises(Refused):
        client.call("job.start", argv=["no-such-program-anywhere"])
    assert client.call("job.list")["jobs"] == []
    assert list((place.state / "jobs").iterdir()) == []


def test_input_reaches_a_job_and_can_end(client):
    id = client.call("job.start", cmd="while read x; do echo got $x; done; echo over")["id"]
    assert client.call("job.input", b"one\n", id=id)["written"] == 4
    assert client.call("job.read", id=id, wait=20).body == b"got one\n"
    client.call("job.input", b"two\n", id=id, eof=True)
    assert follow(client, id)[0] == b"got one\ngot two\nover\n"


def test_more_input_than_a_pipe_holds_is_taken(client):
    id = client.call("job.start", cmd="wc -c")["id"]
    assert client.call("job.input", b"x" * 1_000_000, id=id, eof=True)["written"] == 1_000_000
    assert follow(client, id)[0].strip() == b"1000000"


def test_input_of_an_ended_job_is_refused(client):
    id = client.call("job.start", cmd="true")["id"]
    follow(client, id)
    with pytest.raises(Refused) as caught:
        client.call("job.input", b"x", id=id)
    assert caught.value.code == "conflict"


def test_a_signal_ends_a_job_and_is_told(client):
    id = client.call("job.start", cmd="echo up; sleep 60; :")["id"]
    client.call("job.read", id=id, wait=20)
    assert client.call("job.signal", id=id)["signalled"]
    assert follow(client, id)[1]["signal"] == "TERM"


def test_an_interrupt_reaches_a_handler(client):
    cmd = "trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.05; done"
    id = client.call("job.start", cmd=cmd)["id"]
    client.call("job.read", id=id, wait=20)
    client.call("job.signal", id=id, signal="INT", tree=False)
    data, job = follow(client, id)
    assert (b"caught" in data, job["exit"]) == (True, 3)


def test_kill_ends_every_process_of_a_job(client, until, alive):
    id = client.call("job.start", cmd="(setsid sh -c 'echo $$; sleep 60; :' &); sleep 61; :")["id"]
    hidden = int(client.call("job.read", id=id, wait=20).body)
    client.call("job.signal", id=id, signal="KILL")
    job = follow(client, id)[1]
    until(lambda: not alive(hidden) and not alive(job["pid"]))
    assert (job["state"], job["signal"]) == ("exited", "KILL")


def test_output_is_bounded_and_offsets_stay(client, place, until):
    cmd = "i=0; while [ $i -lt 400000 ]; do seq -f %099g $i $((i+999)); i=$((i+1000)); done"
    id = client.call("job.start", cmd=cmd, limit=1 << 20)["id"]
    job = follow(client, id, offset=-1)[1]
    assert job["size"] == 400 * 1000 * 100
    assert 0 < job["size"] - job["first"] < 3 << 20
    out = place.state / "jobs" / id / "out"
    assert out.stat().st_blocks * 512 < 3 << 20
    reply = client.call("job.read", id=id, offset=0, limit=100_000)
    assert reply["dropped"] == reply["offset"] == job["first"]
    first = (job["first"] + 99) // 100
    assert f"{first:099d}\n".encode() in reply.body


def test_a_job_survives_a_kill_of_the_agent_and_its_end_is_told(client, agent, place):
    id = client.call("job.start", cmd="echo one; sleep 1; echo two; exit 9")["id"]
    assert client.call("job.read", id=id, wait=20).body == b"one\n"
    kill_agent(agent)
    place.start()
    data, job = follow(place.client(), id)
    assert data == b"one\ntwo\n"
    assert (job["state"], job["exit"]) == ("exited", 9)


def test_a_job_that_ends_while_no_agent_runs_is_told(client, agent, place, until):
    id = client.call("job.start", cmd="sleep 0.5; exit 4")["id"]
    kill_agent(agent)
    exit_file = place.state / "jobs" / id / "exit"
    until(lambda: exit_file.read_text().count("\n") == 2)
    time.sleep(0.5)
    place.start()
    (job,) = place.client().call("job.list")["jobs"]
    assert (job["state"], job["exit"]) == ("exited", 4)
    assert job["ended_at"] < time.time() - 0.4


def test_input_goes_on_after_a_kill_of_the_agent(client, agent, place):
    id = client.call("job.start", cmd="while read x; do echo got $x; done; echo over")["id"]
    client.call("job.input", b"one\n", id=id)
    client.call("job.read", id=id, wait=20)
    kill_agent(agent)
    place.start()
    other = place.client()
    other.call("job.input", b"two\n", id=id, eof=True)
    assert follow(other, id)[0] == b"got one\ngot two\nover\n"


def test_a_lost_job_is_told(client, agent, place):
    started = client.call("job.start", cmd="echo here; sleep 60")
    client.call("job.read", id=started["id"], wait=20)
    kill_agent(agent)
    os.killpg(started["pid"], signal.SIGKILL)
    place.start()
    data, job = follow(place.client(), started["id"])
    assert (data, job["state"], job["exit"], job["signal"]) == (b"here\n", "lost", None, None)


def test_another_process_with_the_pid_is_not_taken_for_the_job(client, agent, place):
    started = client.call("job.start", cmd="true")
    follow(client, started["id"])
    kill_agent(agent)
    record = place.state / "jobs" / started["id"] / "job"
    text = record.read_text().replace('"exited"', '"running"')
    record.write_text(text.replace(f'"pid":{started["pid"]}', f'"pid":{os.getpid()}'))
    (place.state / "jobs" / started["id"] / "exit").unlink()
    place.start()
    (job,) = place.client().call("job.list")["jobs"]
    assert job["state"] == "lost"


def test_damaged_records_are_dropped(client, agent, place):
    id = client.call("job.start", cmd="true")["id"]
    follow(client, id)
    kill_agent(agent)
    (place.state / "jobs" / id / "job").write_text('{"id": [')
    (place.state / "jobs" / "stray").write_text("x")
    place.start()
    assert place.client().call("job.list")["jobs"] == []


def test_the_last_hundred_ended_jobs_are_kept(client, place, until):
    for n in range(103):
        client.call("job.start", cmd=f"echo {n}")
    until(lambda: all(job["ended_at"] for job in client.call("job.list")["jobs"]))
    assert len(client.call("job.list")["jobs"]) == 100
    assert len(list((place.state / "jobs").iterdir())) == 100


def test_a_list_of_many_long_jobs_fits_into_its_answer(client):
    ids = [client.call("job.start", cmd="true # " + "é" * 5000)["id"] for _ in range(90)]
    jobs = client.call("job.list")["jobs"]
    assert [job["id"] for job in jobs] == ids
    assert all(job["cmd"].startswith("true # é") for job in jobs)


def test_a_time_out_of_a_command_leaves_jobs_alone(client):
    id = client.call("job.start", cmd="sleep 60")["id"]
    client.run("sleep 60", timeout=0.2)
    assert client.call("job.read", id=id)["job"]["state"] == "running"


def test_an_orderly_end_of_the_agent_ends_jobs_with_grace(client, agent, place):
    cmd = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    id = client.call("job.start", cmd=cmd)["id"]
    client.call("job.read", id=id, wait=20)
    agent.terminate()
    assert client.until_closed()[-1]["reason"] == "shutdown"
    assert agent.wait(timeout=20) == 0
    place.start()
    data, job = follow(place.client(), id)
    assert (data.split()[-1], job["exit"]) == (b"bye", 0)


def test_a_job_that_ignores_the_end_is_killed(client, agent, alive):
    cmd = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    started = client.call("job.start", cmd=cmd)
    client.call("job.read", id=started["id"], wait=20)
    agent.terminate()
    assert agent.wait(timeout=20) == 0
    assert not alive(started["pid"])
