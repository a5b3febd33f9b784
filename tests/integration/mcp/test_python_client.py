"""The official MCP client for Python, in both eras."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent
from tests.integration.mcp.conftest import Served
from tests.integration.mcp.test_cancelling import LONG, begun, dead, wire_to
from tests.integration.mcp.wire import HANDSHAKE

MODES = ("legacy", "2026-07-28", "auto")


@asynccontextmanager
async def connected(server: Served, url: str, mode: str) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(headers=server.headers, timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


async def text(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, dict(arguments))
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("mode", MODES)
async def test_it_works_in_a_project_as_a_model_would(mode: str, server: Served):
    async with connected(server, server.shop, mode) as client:
        listed = await client.list_tools()
        assert "fs_edit" in [tool.name for tool in listed.tools]
        await text(client, "fs_write", file_path="a.py", content="print('hello')\n")
        await text(client, "fs_edit", file_path="a.py", old_string="hello", new_string="bye")
        assert (await text(client, "shell_exec", command="python3 a.py")).startswith("bye\n")


@pytest.mark.parametrize("mode", MODES)
async def test_it_finds_its_projects(mode: str, server: Served):
    async with connected(server, server.everywhere, mode) as client:
        await text(client, "projects_create", slug="blog")
        listed = await text(client, "projects_list")
        assert "blog" in listed
        assert "theirs" not in listed
        told = await text(client, "shell_exec", project="blog", command="echo $VIBN_PROJECT_SLUG")
        assert told.startswith("blog\n")


@pytest.mark.parametrize("mode", MODES)
async def test_it_hears_the_output_of_a_long_command_while_it_runs(mode: str, server: Served):
    heard: list[tuple[float, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))

    command = "for i in 1 2 3 4 5; do echo line $i; sleep 0.5; done"
    async with connected(server, server.shop, mode) as client:
        await client.call_tool("shell_exec", {"command": command}, progress_callback=hear)
    assert "line 1" in heard[0][1]
    assert [step for step, _ in heard] == sorted({step for step, _ in heard})


@pytest.mark.parametrize("mode", MODES)
async def test_a_cancelled_call_kills_the_command(mode: str, server: Served):
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        connected(server, server.shop, mode) as client,
    ):
        wire = wire_to(server, http, HANDSHAKE)
        call = asyncio.create_task(client.call_tool("shell_exec", {"command": LONG}))
        await begun(wire)
        call.cancel()
        await asyncio.wait({call})
        await dead(wire)
        assert (await text(client, "shell_exec", command="echo on")).startswith("on\n")


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_it_gives_up_on_is_killed(mode: str, server: Served):
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        connected(server, server.shop, mode) as client,
    ):
        wire = wire_to(server, http, HANDSHAKE)
        with pytest.raises(MCPError):
            await client.call_tool("shell_exec", {"command": LONG}, read_timeout_seconds=3)
        await dead(wire)


async def test_many_calls_at_once_keep_apart(server: Served):
    async with connected(server, server.shop, "legacy") as client:
        calls = [text(client, "shell_exec", command=f"echo {n}") for n in range(20)]
        told = await asyncio.gather(*calls)
    assert [line.split("\n")[0] for line in told] == [str(n) for n in range(20)]
