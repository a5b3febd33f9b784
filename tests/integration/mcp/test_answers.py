"""What a model reads of success and of failure, in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.integration.mcp.conftest import Served
from tests.integration.mcp.wire import ERAS, MODERN, Wire, message_in


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture(params=ERAS)
def wire(request: pytest.FixtureRequest, server: Served, http: httpx2.AsyncClient) -> Wire:
    return Wire(http, server.shop, request.param, server.token)


async def test_an_error_is_a_result_that_says_what_to_do(wire: Wire):
    result = await wire.call("fs_read", file_path="missing.txt")
    assert result["isError"] is True
    (content,) = result["content"]
    assert content["text"].startswith("file_missing: ")
    assert "fs_list or fs_glob" in content["text"]


async def test_each_wrong_argument_is_named(wire: Wire):
    result = await wire.call("shell_exec", comand="ls", timeout_ms="soon")
    text = result["content"][0]["text"]
    assert text.startswith("invalid_input: ")
    assert all(name in text for name in ("command", "comand", "timeout_ms"))


async def test_an_unknown_tool_is_an_error_of_the_protocol(wire: Wire):
    error = await wire.call("no_such_tool")
    assert error["code"] == -32602
    assert "List the tools" in error["message"]


async def test_a_switched_off_box_says_why(wire: Wire, server: Served):
    await server.gate.switchboard.disable("", "", reason="maintenance", author="ann")
    result = await wire.call("shell_exec", command="true")
    assert result["isError"] is True
    assert "maintenance" in result["content"][0]["text"]


@pytest.mark.parametrize("version", ERAS)
async def test_a_surprise_tells_the_request_and_nothing_else(
    version: str, fixtures: Served, http: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
):
    wire = Wire(http, fixtures.everywhere, version, fixtures.token)
    text = (await wire.call("test_surprise"))["content"][0]["text"]
    assert text.startswith("internal: ")
    assert "bug" not in text
    (record,) = [r for r in caplog.records if r.name == "vibn.mcp.handlers"]
    assert record.request in text.removesuffix(".").split()


async def test_every_call_leaves_a_row_with_its_sizes(wire: Wire, server: Served):
    await wire.call("shell_exec", command="echo hello")
    (entry,) = server.gate.notes.entries
    assert (entry.tool, entry.surface, entry.outcome) == ("shell_exec", "mcp", "ok")
    assert entry.request.startswith("r")
    assert entry.received > 100
    assert entry.sent > 0


async def test_a_client_is_told_how_to_work_here(wire: Wire):
    if wire.version == MODERN:
        told = message_in(await wire.send("server/discover"))["result"]
    else:
        told = await wire.initialize()
        assert told["protocolVersion"] == wire.version
    assert "shell_exec" in told["instructions"]
    assert told["capabilities"].keys() == {"tools"}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
async def test_older_versions_are_spoken_too(
    version: str, server: Served, http: httpx2.AsyncClient
):
    wire = Wire(http, server.shop, version, server.token)
    assert (await wire.initialize())["protocolVersion"] == version
    assert (await wire.call("shell_exec", command="true"))["isError"] is False


async def test_a_list_has_one_page(wire: Wire):
    error = message_in(await wire.send("tools/list", {"cursor": "next"}))["error"]
    assert error["code"] == -32602


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"[" * 50_000, b"\xff", b'{"id":1}'])
async def test_a_body_that_is_no_message_is_refused(wire: Wire, body: bytes):
    request = wire.request("tools/list")
    headers = {k: v for k, v in request.headers.items() if k != "content-length"}
    answered = await wire.http.post(wire.url, content=body, headers=headers)
    assert answered.status_code == 400
    assert answered.json()["error"]["code"] in (-32700, -32600, -32602)
