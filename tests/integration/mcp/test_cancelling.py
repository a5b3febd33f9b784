"""A client that leaves, and one that takes a call back: the command in the box is dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from tests.integration.mcp.conftest import Served, surface_of
from tests.integration.mcp.host import app_of, served
from tests.integration.mcp.wire import ERAS, HANDSHAKE, MODERN, Wire, message_in
from tests.unit.mcp.test_takeback import Wire as Relay

from vibn.tools import STANDARD, Toolbox

LONG = "echo $$ > shell; setsid sleep 1000 & echo $! > child; echo begun; wait"
"""A command with a child that left its session."""


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=60) as client:
        yield client


def wire_to(server: Served, http: httpx2.AsyncClient, version: str) -> Wire:
    return Wire(http, server.shop, version, server.token)


async def told(wire: Wire, command: str) -> str:
    result = await wire.call("shell_exec", command=command)
    return str(result["content"][0]["text"]).split("\n[")[0].strip()


async def begun(wire: Wire) -> None:
    async with asyncio.timeout(60):
        while await told(wire, "test -s shell && test -s child && echo yes") != "yes":
            await asyncio.sleep(0.05)


async def alive(wire: Wire) -> str:
    """Which of the command's processes still run, zombies aside."""
    look = (
        "for f in shell child; do grep -qs 'State:.[RSD]' /proc/$(cat $f)/status && echo $f; done"
    )
    return await told(wire, look + "; true")


async def dead(wire: Wire) -> None:
    async with asyncio.timeout(60):
        while "shell" in (left := await alive(wire)) or "child" in left:
            await asyncio.sleep(0.05)


def calling(wire: Wire, request_id: object = 7, progress: bool = False) -> httpx2.Request:
    meta = {"_meta": {"progressToken": "p"}} if progress else {}
    arguments = {"command": LONG, "timeout_ms": 600_000}
    return wire.request(
        "tools/call", {"name": "shell_exec", "arguments": arguments, **meta}, request_id
    )


@asynccontextmanager
async def under_way(wire: Wire, **how: object) -> AsyncIterator[asyncio.Task[httpx2.Response]]:
    """The long command, as a call whose client leaves at the end of the block."""
    task = asyncio.create_task(wire.http.send(calling(wire, **how)))
    try:
        await begun(wire)
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def takeback(wire: Wire, request_id: object = 7) -> httpx2.Request:
    return wire.request("notifications/cancelled", {"requestId": request_id}, None)


@pytest.mark.parametrize("progress", [False, True])
@pytest.mark.parametrize("version", ERAS)
async def test_a_client_that_leaves_takes_its_command_with_it(
    version: str, progress: bool, server: Served, http: httpx2.AsyncClient
):
    wire = wire_to(server, http, version)
    async with under_way(wire, progress=progress):
        assert await alive(wire) != ""
    await dead(wire)
    assert ("shell_exec", "shop", "cancelled") in server.gate.notes.told


async def test_a_call_that_is_taken_back_is_killed_and_answered(
    server: Served, http: httpx2.AsyncClient
):
    wire = wire_to(server, http, HANDSHAKE)
    await wire.initialize()
    async with under_way(wire) as call:
        assert (await http.send(takeback(wire, "7"))).status_code == 202
        assert message_in(await call)["error"]["code"] == -32800
        await dead(wire)


async def test_another_client_of_the_same_token_takes_nothing_back(
    server: Served, http: httpx2.AsyncClient
):
    wire, other = wire_to(server, http, HANDSHAKE), wire_to(server, http, HANDSHAKE)
    await wire.initialize()
    await other.initialize()
    async with under_way(wire) as call:
        assert (await http.send(takeback(other))).status_code == 202
        other.session = ""
        assert (await http.send(takeback(other))).status_code == 202
        assert "shell" in await alive(wire)
        assert not call.done()


async def test_a_takeback_that_lands_on_another_replica_kills_the_command(
    server: Served, http: httpx2.AsyncClient
):
    relay, toolbox = Relay(), Toolbox(server.gate.calls, STANDARD)
    replicas = [surface_of(toolbox, server.gate, relay) for _ in range(2)]
    async with served(app_of(replicas[0])) as one, served(app_of(replicas[1])) as other:
        wire = wire_to(server, http, HANDSHAKE)
        wire.url = f"{one}/api/mcp"
        await wire.initialize()
        wire.url = f"{one}/api/projects/shop/mcp"
        async with under_way(wire) as call:
            wire.url = f"{other}/api/projects/shop/mcp"
            assert (await http.send(takeback(wire))).status_code == 202
            assert message_in(await call)["error"]["code"] == -32800
            await dead(wire)


async def test_the_newest_era_knows_no_takeback_but_leaving(
    server: Served, http: httpx2.AsyncClient
):
    wire = wire_to(server, http, MODERN)
    async with under_way(wire) as call:
        assert (await http.send(takeback(wire))).status_code == 202
        assert "shell" in await alive(wire)
        assert not call.done()
    await dead(wire)


@pytest.mark.parametrize("version", ERAS)
async def test_a_job_goes_on_when_its_client_has_left(
    version: str, server: Served, http: httpx2.AsyncClient
):
    wire = wire_to(server, http, version)
    await wire.call("shell_start", command="sleep 1000")
    await wire.http.aclose()
    async with httpx2.AsyncClient(timeout=60) as again:
        wire.http = again
        listed = (await wire.call("shell_list"))["content"][0]["text"]
    assert "running" in listed


@pytest.mark.parametrize("version", ERAS)
async def test_a_server_that_stops_tells_its_callers_and_kills_their_commands(
    version: str, server: Served, http: httpx2.AsyncClient
):
    wire = wire_to(server, http, version)
    async with under_way(wire) as call:
        await server.gate.calls.close(0)
        text = message_in(await call)["result"]["content"][0]["text"]
    assert text.startswith("shutting_down: ")
