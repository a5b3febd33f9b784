"""The command line of the official MCP inspector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.mcp.conftest import Served
from tests.integration.mcp.npm import Ran, node

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("npm_programs")]

CLI = "@modelcontextprotocol/inspector/clients/cli/build/index.js"


async def inspect(server: Served, where: Path, *args: str) -> Ran:
    return await node(
        CLI,
        *(server.shop, "--transport", "http"),
        *("--header", f"Authorization: Bearer {server.token}", *args),
        cwd=where,
    )


def document_in(output: str) -> dict[str, Any]:
    return json.loads(output[output.index("{") : output.rindex("}") + 1])


async def test_it_finds_no_fault_with_the_schemas(server: Served, tmp_path: Path):
    ran = await inspect(server, tmp_path, "--method", "tools/list", "--strict")
    assert ran.status == 0, ran.output
    names = [tool["name"] for tool in document_in(ran.output)["tools"]]
    assert {"shell_exec", "fs_read", "fs_edit"} <= set(names)


async def test_it_calls_a_tool(server: Served, tmp_path: Path):
    call = ("--method", "tools/call", "--tool-name", "shell_exec")
    ran = await inspect(server, tmp_path, *call, "--tool-arg", "command=echo hello from a box")
    assert ran.status == 0, ran.output
    assert "hello from a box" in document_in(ran.output)["content"][0]["text"]


async def test_it_shows_an_error_of_a_tool(server: Served, tmp_path: Path):
    call = ("--method", "tools/call", "--tool-name", "fs_read")
    ran = await inspect(server, tmp_path, *call, "--tool-arg", "file_path=missing.txt")
    assert "file_missing: " in ran.output
