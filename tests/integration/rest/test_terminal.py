"""The terminal over a real WebSocket, into a real box."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.integration.rest.conftest import SHOP, Served
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

pytestmark = pytest.mark.bubblewrap

SIZE = {"rows": 24, "cols": 80, "term": "xterm-256color"}


@asynccontextmanager
async def terminal(served: Served, **begin: object) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": served.client.headers["Authorization"]}
    address = f"ws://{served.address}{SHOP}/terminal"
    async with connect(address, additional_headers=headers, max_size=None) as socket:
        await socket.send(json.dumps(begin))
        assert json.loads(await socket.recv()) == {"type": "started"}
        yield socket


async def until(socket: ClientConnection, text: bytes) -> bytes:
    output = b""
    async with asyncio.timeout(20):
        while text not in output:
            piece = await socket.recv()
            assert isinstance(piece, bytes)
            output += piece[1:]
    return output


async def end(socket: ClientConnection) -> Any:
    """The last message; the server closes orderly after it."""
    async with asyncio.timeout(20):
        while not isinstance(message := await socket.recv(), str):
            pass
        with pytest.raises(ConnectionClosedOK):
            await socket.recv()
    assert socket.close_code == 1000
    return json.loads(message)


async def test_a_person_works_in_a_shell(served: Served) -> None:
    async with terminal(served, command=None, terminal=SIZE) as socket:
        await socket.send(b"cd /workspace && pwd && tty\n")
        await until(socket, b"/dev/pts/")
        await socket.send(json.dumps({"type": "resize", "rows": 30, "cols": 100}))
        await socket.send(b"stty size\n")
        await until(socket, b"30 100")
        await socket.send(b"sleep 1234\n")
        await served.until("pgrep -c -x sleep || true", "1")
        await socket.send(b"\x03")
        await served.until("pgrep -c -x sleep || true", "0")
        await socket.send(b"exit 5\n")
        told = await end(socket)
    assert (told["type"], told["result"]["exit"]) == ("exit", 5)


async def test_closing_the_socket_ends_what_runs(served: Served) -> None:
    async with terminal(served, command="echo up; setsid sleep 1234 & sleep 1234") as socket:
        await until(socket, b"up")
        await served.until("pgrep -c -x sleep || true", "2")
    await served.until("pgrep -c -x sleep || true", "0")
    assert served.gate.calls.under_way == 0


async def test_so_does_a_connection_that_breaks(served: Served) -> None:
    async with terminal(served, command="echo up; sleep 1234") as socket:
        await until(socket, b"up")
        socket.transport.abort()
        await served.until("pgrep -c -x sleep || true", "0")


async def test_a_large_input_comes_through_a_command_that_takes_its_time(served: Served) -> None:
    size = 24 << 20
    async with terminal(served, command="sleep 2; sha256sum | cut -c1-64") as socket:

        async def give() -> None:
            for _ in range(size >> 18):
                await socket.send(bytes(1 << 18))
            await socket.send(json.dumps({"type": "eof"}))

        giving = asyncio.create_task(give())
        output = await until(socket, b"\n")
        await giving
        assert (await end(socket))["result"]["exit"] == 0
    assert output.strip().decode() == await served.sh(
        f"head -c {size} /dev/zero | sha256sum | cut -c1-64"
    )


async def give_for_good(socket: ClientConnection) -> None:
    while True:
        await socket.send(random.randbytes(1 << 18))


async def test_who_leaves_with_input_that_nobody_reads_ends_the_command(served: Served) -> None:
    async with terminal(served, command="sleep 1234") as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(give_for_good(socket), 2)
        socket.transport.abort()
        await served.until("pgrep -c -x sleep || true", "0")


async def test_a_slow_terminal_slows_the_command(served: Served) -> None:
    async with terminal(served, command="head -c 67108864 /dev/urandom; touch done") as socket:
        await asyncio.sleep(1)
        assert await served.sh("ls /workspace") == ""
        size = 0
        while not isinstance(piece := await socket.recv(), str):
            size += len(piece) - 1
    assert (size, await served.sh("ls /workspace")) == (67108864, "done")


async def test_a_stranger_is_refused_by_the_handshake(served: Served) -> None:
    address = f"ws://{served.address}{SHOP}/terminal"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, additional_headers={"Authorization": "Bearer vibn_nobody"})
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["error"]["code"] == "unauthenticated"
