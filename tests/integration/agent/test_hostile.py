"""What a broken or hostile peer does ends its own connection, and nothing else."""

from __future__ import annotations

import socket
import struct
import subprocess
import time

import pytest
from agent_client import Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibn.agent.frames import encode

HELLO = encode({"t": "hello", "protocol": 1, "version": "x"})


def frame(**header):
    return encode(header)


BROKEN = {
    "giant header": struct.pack(">II", 0xFFFFFFFF, 0),
    "giant body": struct.pack(">II", 2, 0x7FFFFFFF) + b"{}",
    "bad JSON": struct.pack(">II", 4, 0) + b"nope",
    "bad UTF-8": struct.pack(">II", 4, 0) + b"\xff\xfe\xff\xfe",
    "a list": struct.pack(">II", 2, 0) + b"[]",
    "not a number": struct.pack(">II", 13, 0) + b'{"t":"ping",}',
    "deep": struct.pack(">II", 200_000, 0) + b"[" * 200_000,
    "no type": frame(a=1),
    "unknown type": frame(t="surprise"),
    "a type that is a list": frame(t=[]),
    "unknown id": frame(t="cancel", id=77),
    "data for an unknown id": frame(t="data", id=77, s="in"),
    "a negative id": frame(t="req", id=-1, op="info", a={}),
    "an id that is a text": frame(t="req", id="1", op="info", a={}),
    "an id that is true": frame(t="req", id=True, op="info", a={}),
    "a giant id": frame(t="req", id=1 << 60, op="info", a={}),
    "arguments that are a list": frame(t="req", id=1, op="info", a=[]),
    "an agent's frame": frame(t="end", id=1, r={}),
    "a ping without a number": frame(t="ping"),
    "a second hello": frame(t="hello", protocol=1),
}


@pytest.mark.parametrize("bytes_", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_protocol_ends_the_connection_only(place, client, bytes_):
    bad = place.client()
    bad.send_raw(bytes_)
    bad.until_closed()
    assert client.run("echo fine").out == b"fine\n"


def test_the_first_frame_must_be_hello(place, client):
    bad = place.client(hello=False)
    bad.send({"t": "req", "id": 1, "op": "info", "a": {}})
    assert bad.until_closed() == []


def test_another_protocol_is_told_good_bye(place, client):
    other = place.client(hello=False)
    other.send({"t": "hello", "protocol": 2, "version": "x"})
    assert other.until_closed() == [{"t": "bye", "reason": "protocol"}]


def pour(client, id):
    """Send on stream `in` without end, whatever the credit."""
    while True:
        client.type(id, b"x" * 65536)


def test_data_above_the_credit_ends_the_connection(client, place):
    id = client.start("exec", {"cmd": "sleep 60", "stdin": True})
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        pour(client, id)


@pytest.mark.parametrize("n", [0, -5, 1.5, True, "7", None, 1 << 62])
def test_a_credit_that_is_none_ends_the_connection(client, place, n):
    id = client.start("exec", {"cmd": "sleep 60", "stream": True})
    client.send({"t": "credit", "id": id, "s": "out", "n": n})
    client.until_closed()
    assert place.client().run("true")["exit"] == 0


def test_an_id_must_grow(client):
    client.call("info")
    client.send({"t": "req", "id": 1, "op": "info", "a": {}})
    client.until_closed()


def test_late_frames_for_an_ended_request_are_ignored(client):
    id = client.start("exec", {"cmd": "true", "stdin": True})
    client.wait(id)
    client.type(id, b"late")
    client.eof(id)
    client.cancel(id)
    client.send({"t": "credit", "id": id, "s": "out", "n": 5})
    client.send({"t": "ctl", "id": id, "do": "signal", "signal": "INT"})
    assert client.run("echo on").out == b"on\n"


def test_an_unknown_operation_is_refused_alone(client):
    for op in ("exec2", "", None, 5, "files:read", "__class__"):
        with pytest.raises(Refused) as caught:
            client.call(op)
        assert caught.value.code == "invalid_input"


def test_a_ping_is_answered_while_a_command_runs(client):
    client.start("exec", {"cmd": "sleep 60"})
    client.send({"t": "ping", "n": 42})
    assert client.frame()[0] == {"t": "pong", "n": 42}


def test_one_connection_too_many_is_turned_away(place, client):
    others = [place.client() for _ in range(63)]
    with socket.socket(socket.AF_UNIX) as extra:
        extra.connect(str(place.socket))
        said = b""
        while part := extra.recv(4096):
            said += part
    assert b"limit_reached" in said
    others[0].close()
    time.sleep(0.1)
    assert place.client().run("true")["exit"] == 0


def test_frames_may_come_byte_by_byte(place, client):
    slow = place.client(hello=False)
    for byte in HELLO + frame(t="ping", n=1):
        slow.send_raw(bytes([byte]))
    assert slow.frame()[0] == {"t": "pong", "n": 1}


def request_for_ever(client):
    for id in range(1, 1 << 30):
        client.send_raw(frame(t="req", id=id, op="exec", a={"cmd": "", "x": "x" * 1000}))


def test_a_flood_of_requests_without_reading_is_bounded(place, client):
    flood = place.client()
    flood.reading.settimeout(2)
    with pytest.raises(TimeoutError):
        request_for_ever(flood)
    assert client.call("info")["agent"]["rss"] < 60_000_000


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KINDS = ["hello", "req", "data", "eof", "credit", "ctl", "cancel", "ping", "pong", "bye"]
HEADERS = st.fixed_dictionaries(
    {"t": st.sampled_from(KINDS)},
    optional={
        "id": st.integers(-2, 6) | JSON,
        "op": st.sampled_from(["info", "job.list", "job.read", "forward", "nothing"]) | JSON,
        "a": st.dictionaries(st.sampled_from(["id", "port", "host", "disk", "x"]), JSON) | JSON,
        "s": st.sampled_from(["in", "out", "err", "ev"]) | JSON,
        "n": st.integers(-5, 1 << 40) | JSON,
        "do": st.sampled_from(["signal", "resize"]) | JSON,
        "rows": JSON,
        "cols": JSON,
        "signal": JSON,
    },
)
FRAMES = st.builds(encode, HEADERS, st.binary(max_size=200))
NAMES = [
    "argv", "cwd", "env", "timeout", "stream", "stdin", "cap", "log", "pty", "merge", "id",
    "offset", "limit", "wait", "eof", "signal", "tree", "port", "host", "disk", "path", "name",
]  # fmt: skip
ARGUMENTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4).flatmap(
    lambda args: st.sampled_from([args, {**args, "cmd": "true"}, {**args, "cmd": None}])
)
OPERATIONS = ["exec", "job.start", "job.list", "job.read", "job.input", "job.signal", "forward",
              "info", "takeover"]  # fmt: skip
SENT = st.lists(FRAMES | FRAMES | st.binary(max_size=60), max_size=12)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=SENT, greeted=st.booleans())
def test_no_bytes_harm_the_agent(place, client, pieces, greeted):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(5)
        peer.connect(str(place.socket))
        try:
            peer.sendall(b"".join([HELLO] * greeted + pieces))
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
        except ConnectionError:
            # Closed with our bytes unread: that is how a violation ends.
            pass
    client.send({"t": "ping", "n": 1})
    assert client.frame()[0] == {"t": "pong", "n": 1}


def refusal(client, op, body, args):
    try:
        client.call(op, body, **args)
    except Refused as error:
        return error.code
    return ""


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(op=st.sampled_from(OPERATIONS), args=ARGUMENTS, body=st.binary(max_size=20))
def test_no_arguments_surprise_the_agent(client, op, args, body):
    assert refusal(client, op, body, args) != "internal"


def test_texts_that_are_no_unicode_are_refused(client):
    for args in ({"cmd": "\ud800"}, {"cmd": "true", "cwd": "\ud800"}, {"argv": ["\ud800"]}):
        for op in ("exec", "job.start"):
            with pytest.raises(Refused) as caught:
                client.call(op, **args)
            assert caught.value.code == "invalid_input"


def test_commands_end_cleanly_when_descriptors_run_out(place):
    few = ["/bin/sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *place.argv("serve")]
    place.processes.append(subprocess.Popen(few, stderr=subprocess.PIPE))
    client = place.client()
    ids = [client.start("exec", {"cmd": "sleep 60 & sleep 61"}) for _ in range(60)]
    for id in ids:
        client.cancel(id)
    ends = [outcome(client, id) for id in ids]
    assert set(ends) == {"cancelled", "limit_reached"}
    assert client.run("echo fine").out == b"fine\n"


def outcome(client, id):
    try:
        return "cancelled" if client.wait(id)["cancelled"] else "ended"
    except Refused as error:
        return error.code
