"""Commands over a WebSocket, without a network."""

from __future__ import annotations

import pytest
from tests.unit.rest.conftest import READ, Server, bearer
from tests.unit.rest.socket import Socket, connected

from vibn.rest import line

PATH = "/api/v1/projects/shop/terminal"


async def begun(socket: Socket, message: dict[str, object]) -> None:
    assert (await socket.message())["type"] == "websocket.accept"
    socket.tell(message)
    assert await socket.told() == {"type": "started"}


async def refused(server: Server, message: object, *more: bytes) -> str:
    """The code of the error with which the socket is closed."""
    async with connected(server.app, PATH, server.client.headers) as (socket, _):
        await socket.message()
        if message is not None:
            socket.tell(message)  # type: ignore[arg-type]
        for data in more:
            socket.give(data)
        told = await socket.told()
        while told["type"] == "started":
            told = await socket.told()
        assert (await socket.message())["code"] == 1000
        return str(told["error"]["code"])


async def test_streams_come_apart_and_the_end_is_told(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, _):
        await begun(socket, {"command": "cat; echo err >&2; exit 7", "terminal": None})
        socket.give(b"hello")
        socket.tell({"type": "eof"})
        pieces = [(await socket.message())["bytes"] for _ in range(2)]
        assert sorted(pieces) == [b"\x01hello", b"\x02err\n"]
        told = await socket.told()
        assert (told["type"], told["result"]["exit"]) == ("exit", 7)
        assert (await socket.message())["code"] == 1000


async def test_a_terminal_has_a_size_that_changes(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, _):
        size = {"rows": 10, "cols": 40, "term": "xterm"}
        await begun(socket, {"command": "sh -c 'stty size; read x; stty size'", "terminal": size})
        assert b"10 40" in await socket.until(b"40")
        socket.tell({"type": "resize", "rows": 11, "cols": 50})
        socket.give(b"\n")
        assert b"11 50" in await socket.until(b"50")
        assert (await socket.told())["type"] == "exit"


async def test_a_signal_ends_what_runs(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, _):
        await begun(socket, {"command": "echo up; sleep 100"})
        await socket.until(b"up")
        socket.tell({"type": "signal", "name": "TERM"})
        told = await socket.told()
        assert (told["type"], told["result"]["signal"]) == ("exit", "TERM")


async def test_a_login_shell_is_what_runs_without_a_command(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, _):
        await begun(socket, {"command": None, "cwd": None, "env": None, "user": None})
        socket.give(b"echo $((40 + 2))\nexit 3\n")
        await socket.until(b"42")
        assert (await socket.told())["result"]["exit"] == 3


async def test_a_socket_that_closes_ends_the_command(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, serving):
        await begun(socket, {"command": "echo up; sleep 100; touch lived"})
        await socket.until(b"up")
        socket.leave()
        await serving
    left = await server.client.post(
        "/api/v1/projects/shop/exec", json={"command": "ls; ps -ef | grep -c '[s]leep 100'"}
    )
    assert left.json()["stdout"].strip() == "0"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"command": " "}, "invalid_input"),
        ({"command": "true", "more": 1}, "invalid_input"),
        ({"command": "true", "terminal": {"rows": 0}}, "invalid_input"),
        ({"command": "true", "cwd": "nowhere"}, "file_missing"),
        ({"command": "true", "user": "root"}, "unsupported"),
        ("no json", "invalid_input"),
        ("x" * (line.MAX_TEXT + 1), "too_large"),
        ('{"command": "\\ud800"}', "invalid_input"),
    ],
)
async def test_what_it_cannot_begin_with_is_told(
    server: Server, message: object, code: str
) -> None:
    assert await refused(server, message) == code


async def test_input_comes_after_the_beginning_and_in_bounds(server: Server) -> None:
    assert await refused(server, None, b"early") == "invalid_input"
    assert await refused(server, {"command": "cat"}, bytes(line.MAX_BINARY + 1)) == "too_large"


async def test_who_does_not_begin_is_not_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "FIRST", 0.05)
    assert await refused(server, None) == "deadline_exceeded"


async def test_a_wrong_message_on_the_way_ends_it(server: Server) -> None:
    async with connected(server.app, PATH, server.client.headers) as (socket, serving):
        await begun(socket, {"command": "sleep 100"})
        socket.tell({"type": "dance"})
        assert (await socket.told())["error"]["code"] == "invalid_input"
        await serving


async def test_a_stranger_gets_no_socket(server: Server) -> None:
    async with connected(server.app, PATH, bearer("vibn_nobody")) as (socket, _):
        first = await socket.message()
        assert (first["type"], first["status"]) == ("websocket.http.response.start", 401)


async def test_a_token_that_may_only_read_gets_no_terminal(server: Server) -> None:
    server.client.headers.update(await server.token(access=READ))
    assert await refused(server, {"command": "true"}) == "read_only_token"
