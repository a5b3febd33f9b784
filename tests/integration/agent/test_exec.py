"""Commands: what they get, what they give, how they end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from agent_client import Refused


def test_a_command_gives_output_errors_and_status(client):
    reply = client.run("echo out; echo err >&2; exit 3")
    assert (reply.out, reply.err, reply["exit"]) == (b"out\n", b"err\n", 3)
    assert reply["signal"] is None
    assert not reply["truncated"]


def test_a_list_of_arguments_runs_without_a_shell(client):
    reply = client.call("exec", argv=["printf", "%s|", "a b", "$HOME", "*"])
    assert reply.out == b"a b|$HOME|*|"


def test_a_missing_program_is_told(client):
    with pytest.raises(Refused) as caught:
        client.call("exec", argv=["no-such-program-anywhere"])
    assert caught.value.code == "file_missing"


@pytest.mark.parametrize(
    "args",
    [
        {"cmd": "  "},
        {"argv": []},
        {"argv": [""]},
        {"argv": [1]},
        {},
        {"cmd": "true", "argv": ["true"]},
        {"cmd": 7},
        {"cmd": "true", "timeout": "1"},
        {"cmd": "true", "timeout": 0},
        {"cmd": "true", "cap": -1},
        {"cmd": "true", "env": {"A": 1}},
        {"cmd": "true", "env": {"A=B": "1"}},
        {"cmd": "a\0b"},
        {"cmd": "true", "surprise": 1},
        {"cmd": "true", "pty": {"rows": 0}},
    ],
)
def test_wrong_arguments_are_refused_and_the_connection_lives(client, args):
    with pytest.raises(Refused) as caught:
        client.call("exec", **args)
    assert caught.value.code == "invalid_input"
    assert client.run("echo on").out == b"on\n"


def test_a_missing_directory_is_told(client):
    with pytest.raises(Refused) as caught:
        client.run("true", cwd="/workspace/nowhere")
    assert caught.value.code == "file_missing"


def test_the_directory_is_the_workspace_or_anywhere(client, place):
    (place.workspace / "sub").mkdir()
    assert client.run("pwd").out.decode().strip() == str(place.workspace)
    assert client.run("pwd", cwd="sub").out.decode().strip() == f"{place.workspace}/sub"
    assert client.run("pwd", cwd="/workspace/sub").out.decode().strip().endswith("/sub")
    assert client.run("pwd", cwd="/usr").out == b"/usr\n"


def test_the_environment_is_extended_for_one_command(client):
    assert client.run("echo $COLOUR", env={"COLOUR": "blue"}).out == b"blue\n"
    assert client.run("echo $COLOUR").out == b"\n"


def test_the_body_is_all_of_standard_input(client):
    body = os.urandom(900_000)
    reply = client.run("cat", body, cap=500_000, log=False)
    assert reply["out_total"] == len(body)
    assert reply.out == body[:250_000] + body[-250_000:]


def test_input_that_nobody_reads_does_not_matter(client):
    reply = client.run("exec 0<&-; sleep 0.1; exit 4", b"x" * 900_000)
    assert reply["exit"] == 4


def test_input_can_be_streamed_and_ended(client):
    cmd = "while read x; do echo got $x; done"
    id = client.start("exec", {"cmd": cmd, "stdin": True, "stream": True})
    client.type(id, b"one\n")
    client.wait_for(id, b"got one\n")
    client.type(id, b"two\n")
    client.eof(id)
    assert client.wait(id).text() == "got one\ngot two\n"


def test_much_streamed_input_arrives_in_whole_by_credit(client):
    id = client.start("exec", {"cmd": "wc -c", "stdin": True})
    room = 262144
    for _ in range(64):
        while room < 65536:
            header = client.step()
            room += header["n"] if header["t"] == "credit" else 0
        client.type(id, b"x" * 65536)
        room -= 65536
    client.eof(id)
    assert client.wait(id).out.strip() == b"4194304"


def test_streams_come_apart_and_end(client):
    id = client.start("exec", {"cmd": "echo a; echo b >&2", "stream": True})
    reply = client.wait(id)
    assert (reply.text("out"), reply.text("err")) == ("a\n", "b\n")
    assert reply.ended == {"out", "err"}
    assert (reply["out_total"], reply["err_total"]) == (2, 2)


def test_merge_sends_errors_into_the_output_in_order(client):
    reply = client.run("echo 1; echo 2 >&2; echo 3", merge=True)
    assert reply.out == b"1\n2\n3\n"
    assert reply["err_total"] == 0


def test_output_above_the_cap_keeps_head_and_tail_and_a_log(client):
    reply = client.run("seq 1 100000", cap=1000)
    everything = "".join(f"{n}\n" for n in range(1, 100001)).encode()
    assert reply["truncated"]
    assert reply["out_total"] == len(everything)
    assert reply.out == everything[:500] + everything[-500:]
    assert Path(reply["log"]).read_bytes() == everything


def test_a_log_holds_both_streams_from_their_start(client):
    reply = client.run("echo first >&2; seq 1 1000; echo last >&2", cap=1000)
    lines = Path(reply["log"]).read_text().split()
    assert set(lines) == {"first", "last", *(str(n) for n in range(1, 1001))}


def test_no_log_is_left_when_none_is_wanted_or_needed(client, place):
    assert client.run("seq 1 100000", cap=1000, log=False)["log"] is None
    assert client.run("seq 1 10")["log"] is None
    assert not (place.state / "logs").exists()


def test_logs_are_few(client, place):
    for _ in range(25):
        client.run("seq 1 1000", cap=10)
    assert len(list((place.state / "logs").iterdir())) == 20


def test_a_gigabyte_of_output_passes_in_constant_memory(client):
    client.run("true")
    before = client.call("info")["agent"]["rss"]
    reply = client.run("head -c 1000000000 /dev/zero", timeout=100)
    after = client.call("info")["agent"]["rss"]
    assert reply["out_total"] == 1_000_000_000
    assert len(reply.out) == 30000
    assert os.stat(reply["log"]).st_size == 64 * 1024 * 1024
    assert after - before < 4_000_000


def test_a_slow_reader_stops_the_command(client, place, until):
    client.credit = False
    counter = place.workspace / "count"
    cmd = "i=0; while :; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > count; done"
    id = client.start("exec", {"cmd": cmd, "stream": True})
    while client.counted.get(id, 0) < 262144:
        client.step()
    until(counter.exists)
    time.sleep(0.5)
    seen = counter.read_text()
    time.sleep(0.3)
    assert counter.read_text() == seen
    assert int(seen) <= 10
    client.cancel(id)
    assert client.wait(id)["cancelled"]


def test_a_client_that_does_not_read_at_all_bounds_the_memory(client, place):
    for _ in range(100):
        client.start("exec", {"cmd": "head -c 10000000 /dev/zero", "stream": True})
    time.sleep(1)
    other = place.client()
    assert other.call("info")["agent"]["rss"] < 60_000_000
    client.close()
    assert other.run("echo fine").out == b"fine\n"


def test_a_command_ends_with_its_shell_though_a_child_holds_the_pipe(client, end):
    began = time.monotonic()
    reply = client.run("sleep 60 & echo done")
    assert time.monotonic() - began < 30
    assert reply.out == b"done\n"
    assert [one["pid"] for one in reply["left"]]
    end(reply["left"][0]["pid"])


def test_a_child_left_on_purpose_is_reported_and_lives(client, alive, end):
    started = "until grep -qsx sleep /proc/$(cat pid)/comm; do sleep 0.02; done"
    child = """(setsid sh -c 'echo $$ >pid; exec sleep 60' >/dev/null 2>&1 &)"""
    reply = client.run(f"{child}; until [ -s pid ]; do sleep 0.02; done; {started}")
    (left,) = reply["left"]
    end(left["pid"])
    assert left["name"] == "sleep"
    assert alive(left["pid"])
    assert client.run("true")["left"] == []


def test_all_that_was_written_before_the_end_arrives(client):
    reply = client.run("head -c 60000 /dev/zero; sleep 60 & exit 0", cap=100000)
    assert reply["out_total"] == 60000
    os.kill(reply["left"][0]["pid"], 9)


def test_a_death_by_signal_is_told_by_its_name(client):
    reply = client.run("kill -SEGV $$")
    assert (reply["exit"], reply["signal"]) == (None, "SEGV")


def test_the_result_fits_json_and_the_protocol(client):
    result = client.run("true").result
    assert set(result) == {
        "exit", "signal", "timed_out", "cancelled", "oom", "killed", "left", "out", "err",
        "out_head", "err_head", "out_total", "err_total", "log", "ms", "truncated",
    }  # fmt: skip
    json.dumps(result)


def test_many_commands_run_at_once(client):
    ids = [client.start("exec", {"cmd": f"sleep 0.05; echo {n}"}) for n in range(100)]
    assert [int(client.wait(id).out) for id in ids] == list(range(100))


def test_one_request_too_many_is_refused_alone(client):
    ids = [client.start("exec", {"cmd": "sleep 30"}) for _ in range(257)]
    with pytest.raises(Refused) as caught:
        client.wait(ids[-1])
    assert caught.value.code == "limit_reached"
    for id in ids[:-1]:
        client.cancel(id)
    assert all(client.wait(id)["cancelled"] for id in ids[:-1])
