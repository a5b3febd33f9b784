"""Commands on a terminal."""

from __future__ import annotations

import pytest

SIZE = {"rows": 30, "cols": 99, "term": "vt100"}


def on_terminal(client, cmd, **more):
    return client.start("exec", {"cmd": cmd, "pty": SIZE, "stdin": True, "stream": True, **more})


def test_a_terminal_has_its_size_and_kind(client):
    reply = client.run("tty; stty size; echo $TERM", pty=SIZE)
    tty, size, term = reply.out.decode().split("\r\n")[:3]
    assert tty.startswith("/dev/pts/")
    assert (size, term) == ("30 99", "vt100")


def test_it_is_the_controlling_terminal(client):
    assert client.run("echo direct >/dev/tty", pty=SIZE).out == b"direct\r\n"


def test_everything_is_one_stream(client):
    reply = client.run("echo a; echo b >&2", pty=SIZE)
    assert (reply.out, reply.err) == (b"a\r\nb\r\n", b"")


def test_what_is_typed_is_echoed_and_read(client):
    id = on_terminal(client, "read x; echo got $x")
    client.type(id, b"word\n")
    assert client.wait(id).text() == "word\r\ngot word\r\n"


def test_a_resize_reaches_the_command(client):
    id = on_terminal(client, "trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.05; done")
    client.wait_for(id, b"up")
    client.send({"t": "ctl", "id": id, "do": "resize", "rows": 11, "cols": 22})
    client.wait_for(id, b"11 22")
    assert client.wait(id)["exit"] == 0


def test_an_interrupt_typed_ends_the_command_in_front(client):
    # Said by the child: dash forgets an interrupt that meets it between fork and exec.
    id = on_terminal(client, "sh -c 'echo up; exec cat'; echo after $?")
    client.wait_for(id, b"up")
    client.type(id, b"\x03")
    assert client.wait(id)["signal"] == "INT"


def test_a_signal_goes_to_the_group_in_front(client):
    id = on_terminal(client, "set -m; echo up; sh -c 'sleep 60; :'; echo after $?")
    client.wait_for(id, b"up")
    client.run("sleep 0.2")
    client.send({"t": "ctl", "id": id, "do": "signal", "signal": "TERM"})
    client.wait_for(id, b"after 143")
    assert client.wait(id)["exit"] == 0


@pytest.mark.parametrize("typed", [b"", b"line\n", b"half a line"])
def test_the_end_of_input_is_typed_too(client, typed):
    id = on_terminal(client, "stty -echo; echo up; cat; echo over")
    client.wait_for(id, b"up")
    if typed:
        client.type(id, typed)
    client.eof(id)
    assert client.wait(id).text().replace("\r\n", "\n").endswith(typed.decode() + "over\n")


def test_without_input_a_terminal_is_at_its_end(client):
    assert client.run("cat; echo over", pty=SIZE, timeout=20)["exit"] == 0


def test_a_cancel_ends_a_terminal_command(client):
    id = on_terminal(client, "trap '' HUP TERM; echo up; while :; do sleep 1; done")
    client.wait_for(id, b"up")
    client.cancel(id)
    assert client.wait(id)["cancelled"]


def test_terminals_are_given_back(client):
    before = client.call("info")["agent"]["fds"]
    for _ in range(30):
        client.run("true", pty=SIZE)
    assert client.call("info")["agent"]["fds"] == before
