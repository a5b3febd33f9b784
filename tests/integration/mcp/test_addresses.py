"""Who gets in where, and what they are shown there, in both eras."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.integration.mcp.conftest import BODY_LIMIT, Served
from tests.integration.mcp.wire import ERAS, Wire, message_in

from vibn.authority import Access


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture(params=ERAS)
def wire(request: pytest.FixtureRequest, server: Served, http: httpx2.AsyncClient) -> Wire:
    return Wire(http, server.everywhere, request.param, server.token)


async def names(wire: Wire) -> list[str]:
    tools = message_in(await wire.send("tools/list"))["result"]["tools"]
    return [tool["name"] for tool in tools]


async def test_a_tool_is_called_in_the_project_that_it_names(wire: Wire):
    result = await wire.call("shell_exec", project="shop", command="echo $VIBN_PROJECT_SLUG")
    assert result["isError"] is False
    assert result["content"][0]["text"].startswith("shop\n")


async def test_the_address_of_a_project_takes_no_project(wire: Wire, server: Served):
    wire.url = server.shop
    result = await wire.call("shell.exec", command="echo hello")
    assert result["content"][0]["text"].startswith("hello\n")


async def test_tools_have_a_project_only_where_it_is_not_known(wire: Wire, server: Served):
    listed = message_in(await wire.send("tools/list"))["result"]["tools"]
    shell = next(tool for tool in listed if tool["name"] == "shell_exec")
    assert "project" in shell["inputSchema"]["required"]
    wire.url = server.shop
    listed = message_in(await wire.send("tools/list"))["result"]["tools"]
    assert all("project" not in tool["inputSchema"]["properties"] for tool in listed)


async def test_a_list_says_what_each_tool_may_do(wire: Wire):
    listed = message_in(await wire.send("tools/list"))["result"]["tools"]
    hints = {tool["name"]: tool["annotations"] for tool in listed}
    assert hints["fs_read"]["readOnlyHint"] is True
    assert hints["fs_delete"]["destructiveHint"] is True
    assert all(tool["title"] for tool in listed)


async def test_a_reading_token_sees_the_reading_tools(wire: Wire, server: Served):
    wire.token = (await server.gate.caller(access=Access.READ)).credential
    shown = await names(wire)
    assert "fs_read" in shown
    assert not {"fs_write", "shell_exec", "projects_create"} & set(shown)
    refused = await wire.call("fs_write", project="shop", file_path="a", content="b")
    assert refused["isError"] is True
    assert refused["content"][0]["text"].startswith("read_only_token: ")


async def test_a_token_of_one_project_is_as_the_address_of_one(wire: Wire, server: Served):
    wire.token = (await server.gate.caller(project="shop")).credential
    assert "projects_create" not in await names(wire)
    result = await wire.call("shell_exec", command="echo hello")
    assert result["content"][0]["text"].startswith("hello\n")


@pytest.mark.parametrize("method", ["tools/list", "initialize", "no/such"])
async def test_no_token_is_answered_before_the_protocol(wire: Wire, method: str):
    wire.headers = {"Authorization": ""}
    answered = await wire.send(method)
    assert answered.status_code == 401
    assert answered.headers["www-authenticate"] == 'Bearer realm="vibn"'
    assert answered.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("header", ["Bearer vibn_nobody", "Bearer " + "x" * 5000])
async def test_a_token_of_nobody_is_named_invalid(wire: Wire, header: str):
    wire.headers = {"Authorization": header}
    answered = await wire.send("tools/list")
    assert answered.status_code == 401
    assert answered.headers["www-authenticate"].endswith('error="invalid_token"')


async def test_a_revoked_token_ends_at_once(wire: Wire, server: Served):
    token = (await server.gate.store.tokens.of_workspace("acme"))[0]
    await server.gate.tokens.revoke("acme", token.id)
    answered = await wire.send("tools/list")
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "token_revoked")


async def test_a_foreign_project_answers_as_a_missing_one(wire: Wire, server: Served):
    answers = []
    for project in ("theirs", "nobody", "no%2Fslug", "x" * 300):
        wire.url = f"{server.url}/api/projects/{project}/mcp"
        answered = await wire.send("tools/list")
        told = answered.text.replace(project.replace("%2F", "/"), "P")
        answers.append((answered.status_code, told, answered.headers["content-type"]))
    assert answers[0] == answers[1]
    assert {status for status, _, _ in answers} == {404}


async def test_a_foreign_project_in_an_argument_answers_as_a_missing_one(wire: Wire):
    told = {
        (await wire.call("fs_read", project=project, file_path="a"))["content"][0]["text"].replace(
            project, "P"
        )
        for project in ("theirs", "nobody")
    }
    assert len(told) == 1
    assert told.pop().startswith("project_not_found: ")


async def test_a_body_that_is_too_large_is_refused_as_such(wire: Wire):
    answered = await wire.send("tools/call", {"name": "fs_write", "fill": "x" * BODY_LIMIT})
    assert (answered.status_code, answered.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_nothing_but_post(wire: Wire, method: str):
    headers = {"Authorization": f"Bearer {wire.token}", "Accept": "text/event-stream"}
    answered = await wire.http.request(method, wire.url, headers=headers)
    assert (answered.status_code, answered.headers["allow"]) == (405, "POST")
    assert answered.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Host", "evil.example", 421), ("Origin", "http://evil.example", 403)],
)
async def test_a_foreign_host_or_origin_is_refused(
    wire: Wire, header: str, value: str, status: int
):
    wire.headers = {header: value}
    assert (await wire.send("tools/list")).status_code == status
