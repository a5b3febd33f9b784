"""Projects, their secrets and boxes, tools, and who the caller is."""

from __future__ import annotations

import httpx2
from tests.unit.rest.conftest import READ, Server

from vibn.services.limits import CallLimits
from vibn.tools import STANDARD

PROJECTS = "/api/v1/projects"
SHOP = f"{PROJECTS}/shop"


async def test_a_token_learns_who_it_is(server: Server) -> None:
    held = await server.token(project="shop", access=READ, lifetime_s=60)
    found = (await server.client.get("/api/v1/me", headers=held)).json()
    assert (found["workspace"], found["project"], found["access"]) == ("acme", "shop", "read")
    assert found["expires_at"].endswith("Z")


async def test_a_project_is_made_changed_and_deleted(client: httpx2.AsyncClient) -> None:
    body = {"slug": "new", "env": {"A": "1", "B": "2"}, "limits": {"cpus": 0.5}}
    made = await client.post(PROJECTS, json=body)
    assert (made.status_code, made.json()["limits"]["cpus"]) == (201, 0.5)
    change = {"env": {"A": None, "C": "3"}, "limits": {"pids": 64}}
    changed = (await client.patch(f"{PROJECTS}/new", json=change)).json()
    assert changed["env"] == {"B": "2", "C": "3"}
    assert (changed["limits"]["cpus"], changed["limits"]["pids"]) == (0.5, 64)
    assert (await client.get(f"{PROJECTS}/new")).json() == changed
    assert (await client.delete(f"{PROJECTS}/new")).status_code == 204
    assert (await client.get(f"{PROJECTS}/new")).status_code == 404


async def test_a_slug_that_is_taken_or_wrong_is_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.post(PROJECTS, json={"slug": "shop"})).status_code == 409
    for slug in ("", "Shop", "a" * 41, "-a", 3, None):
        assert (await client.post(PROJECTS, json={"slug": slug})).status_code == 400


async def test_a_project_begins_with_a_repository_and_never_with_a_file_of_this_host(
    client: httpx2.AsyncClient,
) -> None:
    seed = {"url": "https://example.com/a.git", "ref": "main"}
    made = await client.post(PROJECTS, json={"slug": "new", "seed": seed})
    assert made.json()["seed"] == seed
    archive = {"slug": "other", "seed": {"archive": "/etc/passwd"}}
    assert (await client.post(PROJECTS, json=archive)).status_code == 400


async def test_a_list_shows_the_reach_of_the_token_with_its_boxes(server: Server) -> None:
    await server.client.post(PROJECTS, json={"slug": "second"})
    await server.client.post(f"{SHOP}/box/ensure", json={})
    found = (await server.client.get(PROJECTS)).json()["projects"]
    states = [(one["slug"], one["box"]["state"]) for one in found]
    assert states == [("second", "absent"), ("shop", "running")]
    held = await server.token(project="shop")
    own = (await server.client.get(PROJECTS, headers=held)).json()["projects"]
    assert [one["slug"] for one in own] == ["shop"]


async def test_limits_above_the_installation_s_are_its_operator_s(server: Server) -> None:
    for limits in ({"cpus": 1.5}, {"memory": 1 << 40}, {"pids": 100_000}):
        made = await server.client.post(PROJECTS, json={"slug": "big", "limits": limits})
        assert (made.status_code, made.json()["error"]["code"]) == (403, "forbidden")
        changed = await server.client.patch(SHOP, json={"limits": limits})
        assert changed.status_code == 403


async def test_a_token_of_one_project_makes_none_and_keeps_its_limits(server: Server) -> None:
    server.client.headers.update(await server.token(project="shop"))
    made = await server.client.post(PROJECTS, json={"slug": "new"})
    limited = await server.client.patch(SHOP, json={"limits": {"cpus": 64}})
    assert [made.status_code, limited.status_code] == [403, 403]
    assert (await server.client.patch(SHOP, json={"env": {"A": "1"}})).status_code == 200


async def test_secrets_are_named_and_never_shown(client: httpx2.AsyncClient) -> None:
    address = f"{SHOP}/secrets"
    assert (await client.put(f"{address}/KEY", json={"value": "hunter2"})).status_code == 204
    assert (await client.get(address)).text == '{"names":["KEY"]}'
    assert (await client.delete(f"{address}/KEY")).status_code == 204
    assert (await client.delete(f"{address}/KEY")).status_code == 204
    for name in ("VIBN_X", "1A", "A-B"):
        assert (await client.put(f"{address}/{name}", json={"value": "x"})).status_code == 400


async def test_a_box_goes_through_its_life(client: httpx2.AsyncClient) -> None:
    assert (await client.get(f"{SHOP}/box")).json()["state"] == "absent"
    assert (await client.post(f"{SHOP}/box/resume", json={})).status_code == 404
    made = (await client.post(f"{SHOP}/box/ensure", json={})).json()
    assert (made["state"], made["created"]) == ("running", True)
    asleep = await client.post(f"{SHOP}/box/suspend", json={"tier": "frozen"})
    assert (asleep.json()["state"], asleep.json()["tier"]) == ("suspended", "frozen")
    assert (await client.post(f"{SHOP}/box/resume", json={})).json()["state"] == "running"
    assert (await client.get(f"{SHOP}/box/info")).json()["version"]
    assert (await client.post(f"{SHOP}/box/recreate", json={})).json()["state"] == "running"
    live = (await client.get(f"{SHOP}/box?live=true")).json()["live"]
    assert live["state"] == "running"
    assert (await client.delete(f"{SHOP}/box")).status_code == 204


async def test_every_tool_has_an_address(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/api/v1/tools")).json()["tools"]
    document = (await client.get("/api/v1/openapi.json")).json()["paths"]
    assert [tool["name"] for tool in listed] == [tool.name for tool in STANDARD]
    for tool in listed:
        where = "/projects/{project}/tools/" if tool["in_project"] else "/tools/"
        operation = document[f"/api/v1{where}{tool['name']}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert set(schema["properties"]) == set(tool["input_schema"]["properties"])


async def test_a_tool_answers_for_models_and_for_programs(client: httpx2.AsyncClient) -> None:
    write = {"file_path": "a.txt", "content": "hello\n"}
    await client.post(f"{SHOP}/tools/fs_write", json=write)
    for name in ("fs_read", "fs.read"):
        found = (await client.post(f"{SHOP}/tools/{name}", json={"path": "a.txt"})).json()
        assert found["text"].split() == ["1", "hello"]
        assert found["result"]["size"] == 6
    listed = (await client.post("/api/v1/tools/projects_list", json={})).json()
    assert [one["slug"] for one in listed["result"]["projects"]] == ["shop"]


async def test_a_tool_that_is_not_there_is_told(client: httpx2.AsyncClient) -> None:
    for address in (f"{SHOP}/tools/fs_reed", "/api/v1/tools/fs_reed"):
        found = await client.post(address, json={})
        assert (found.status_code, found.json()["error"]["code"]) == (404, "tool_not_found")


async def test_who_calls_too_often_is_told_when_to_come_again(server: Server) -> None:
    server.deps.calls._limits = CallLimits(0.5, 2, 0)
    answers = [await server.client.get("/api/v1/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "2"
