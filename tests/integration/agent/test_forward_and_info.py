"""Connections into the box, and what the agent tells of it."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from agent_client import Refused


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def forward(client, listener):
    id = client.start("forward", {"port": listener.getsockname()[1]})
    peer, _ = listener.accept()
    peer.settimeout(20)
    return id, peer


def test_bytes_pass_both_ways_and_each_side_may_end(client, listener):
    id, peer = forward(client, listener)
    with peer:
        client.type(id, b"question")
        assert peer.recv(100) == b"question"
        client.eof(id)
        assert peer.recv(100) == b""
        peer.sendall(b"answer")
    reply = client.wait(id)
    assert reply.text() == "answer"
    assert (reply.result, reply.ended) == ({"sent": 8, "received": 6}, {"out"})


def test_the_server_may_end_first(client, listener):
    id, peer = forward(client, listener)
    with peer:
        peer.sendall(b"bye")
        peer.shutdown(socket.SHUT_WR)
        while "out" not in client.replies[id].ended:
            client.step()
        client.type(id, b"last words")
        client.eof(id)
        assert peer.recv(100) == b"last words"
    assert client.wait(id)["sent"] == 10


def test_much_passes_with_little_memory(client, listener):
    client.keep = False
    id, peer = forward(client, listener)
    block = os.urandom(1 << 20)

    def feed():
        for _ in range(100):
            peer.sendall(block)
        peer.close()

    thread = threading.Thread(target=feed)
    thread.start()
    while "out" not in client.replies[id].ended:
        client.step()
    thread.join(20)
    client.eof(id)
    assert client.wait(id)["received"] == 100 << 20
    assert client.call("info")["agent"]["rss"] < 40_000_000


def test_a_reader_without_credit_stops_the_server(client, listener):
    client.credit = False
    id, peer = forward(client, listener)
    peer.settimeout(1)
    with peer, pytest.raises(TimeoutError):
        peer.sendall(b"x" * (100 << 20))
    client.cancel(id)
    with pytest.raises(Refused) as caught:
        client.wait(id)
    assert caught.value.code == "cancelled"


def test_a_closed_connection_closes_the_forward(client, listener):
    _id, peer = forward(client, listener)
    with peer:
        client.close()
        assert peer.recv(10) == b""


def test_a_port_without_a_server_is_told(client, listener):
    port = listener.getsockname()[1]
    listener.close()
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(Refused) as caught:
            client.call("forward", port=port, host=host)
        assert caught.value.code == "unavailable"


@pytest.mark.parametrize("args", [{}, {"port": 0}, {"port": 70000}, {"port": 80, "host": "a.b"}])
def test_a_wrong_target_is_refused(client, args):
    with pytest.raises(Refused) as caught:
        client.call("forward", **args)
    assert caught.value.code == "invalid_input"


def test_info_tells_what_the_protocol_promises(client, place):
    (place.workspace / "file").write_bytes(b"x" * 100_000)
    info = client.call("info", disk=True).result
    assert set(info) == {
        "version", "build", "python", "pid", "boot", "uptime", "cpu", "memory", "pids",
        "disk", "ports", "agent", "user", "ripgrep",
    }  # fmt: skip
    assert info["disk"]["workspace"] >= 100_000
    assert client.call("info")["disk"]["workspace"] is None


def test_info_names_who_listens(client):
    code = (
        "import socket,time; s=socket.create_server(('127.0.0.1',0));"
        "print(s.getsockname()[1],flush=True); time.sleep(60)"
    )
    id = client.start("exec", {"argv": ["python3", "-c", code], "stream": True})
    client.wait_for(id, b"\n")
    port = int(client.replies[id].text())
    (mine,) = [one for one in client.call("info")["ports"] if one["port"] == port]
    assert mine["host"] == "127.0.0.1"
    assert mine["name"].startswith("python")
