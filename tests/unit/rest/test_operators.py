"""What operators do with the admin secret: workspaces, tokens, the trail, the kill switch."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.unit.rest.conftest import OPERATOR, Server, bearer

PATH_B = "/api/admin/path-b"
WORKSPACES = "/api/v1/workspaces"
EXEC = "/api/v1/projects/shop/exec"
WHY = {"reason": "an incident", "author": "ann"}


async def test_a_workspace_is_made_seen_and_deleted(server: Server) -> None:
    client, body = server.client, {"slug": "new", "name": "New"}
    assert (await client.post(WORKSPACES, json=body, headers=OPERATOR)).status_code == 201
    assert (await client.post(WORKSPACES, json=body, headers=OPERATOR)).status_code == 409
    found = (await client.get(WORKSPACES, headers=OPERATOR)).json()["workspaces"]
    assert [one["slug"] for one in found] == ["acme", "new", "other"]
    assert (await client.delete(f"{WORKSPACES}/acme", headers=OPERATOR)).status_code == 409
    assert (await client.delete(f"{WORKSPACES}/new", headers=OPERATOR)).status_code == 204
    assert (await client.get(f"{WORKSPACES}/new", headers=OPERATOR)).status_code == 404


async def test_a_token_sees_its_own_workspace_alone(server: Server) -> None:
    found = (await server.client.get(WORKSPACES)).json()["workspaces"]
    assert [one["slug"] for one in found] == ["acme"]
    foreign = await server.client.get(f"{WORKSPACES}/other")
    missing = await server.client.get(f"{WORKSPACES}/never")
    assert foreign.text == missing.text.replace("never", "other")
    assert foreign.status_code == missing.status_code == 404


async def test_a_token_is_shown_once_and_revoked_at_once(server: Server) -> None:
    client, tokens = server.client, f"{WORKSPACES}/acme/tokens"
    body = {"name": "ann", "project": "shop", "access": "read", "expires_in_s": 3600}
    made = (await client.post(tokens, json=body, headers=OPERATOR)).json()
    held = bearer(made["token"])
    assert (await client.get("/api/v1/me", headers=held)).json()["token_id"] == made["id"]
    listed = await client.get(tokens, headers=OPERATOR)
    assert made["token"] not in listed.text
    assert made["id"] in [one["id"] for one in listed.json()["tokens"]]
    revoked = await client.delete(f"{tokens}/{made['id']}", headers=OPERATOR)
    assert revoked.json()["revoked_at"]
    assert (await client.get("/api/v1/me", headers=held)).status_code == 401


async def test_a_token_is_made_for_what_exists(server: Server) -> None:
    for where, body, status in (
        ("never", {"name": "x"}, 404),
        ("acme", {"name": "x", "project": "never"}, 404),
        ("acme", {"name": "x", "project": "theirs"}, 404),
        ("acme", {"name": ""}, 400),
        ("acme", {"name": "x", "expires_in_s": 0}, 400),
    ):
        address = f"{WORKSPACES}/{where}/tokens"
        found = await server.client.post(address, json=body, headers=OPERATOR)
        assert found.status_code == status


async def test_every_call_leaves_one_row_with_its_end(server: Server) -> None:
    await server.client.post(EXEC, json={"command": "echo hi"})
    await server.client.get("/api/v1/projects/shop/files/none")
    await server.client.get("/api/v1/projects/theirs")
    await server.audit.flush()
    rows = (await server.client.get("/api/v1/audit")).json()["rows"]
    assert [(row["tool"], row["project"], row["outcome"]) for row in rows] == [
        ("projects.get", "", "project_not_found"),
        ("files.download", "shop", "file_missing"),
        ("exec", "shop", "ok"),
    ]
    assert (rows[1]["paths"], rows[2]["received"] > 0, rows[2]["sent"] > 0) == (
        ["none"], True, True,
    )  # fmt: skip
    assert {row["surface"] for row in rows} == {"rest"}


async def test_a_body_without_a_length_is_counted_as_it_comes(server: Server) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    await server.client.put("/api/v1/projects/shop/files/a.txt", content=pieces())
    rows = (await server.client.get("/api/v1/audit")).json()["rows"]
    assert [(row["tool"], row["received"]) for row in rows] == [("files.upload", 3000)]


async def test_the_trail_is_read_page_by_page_within_reach(server: Server) -> None:
    for number in range(5):
        await server.client.get(f"/api/v1/projects/p{number}")
    foreign = await server.token("other")
    await server.client.get("/api/v1/me", headers=foreign)
    await server.audit.flush()
    seen, before = [], ""
    while True:
        page = (await server.client.get(f"/api/v1/audit?limit=2{before}")).json()
        seen += [(row["chain"], row["seq"]) for row in page["rows"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert len(seen) == len(set(seen)) == 5
    everything = (await server.client.get("/api/v1/audit", headers=OPERATOR)).json()["rows"]
    assert {row["workspace"] for row in everything} == {"acme", "other"}


async def test_the_trail_beyond_reach_is_not_there(server: Server) -> None:
    for query in ("project=theirs", "project=never", "workspace=other", "workspace=never"):
        assert (await server.client.get(f"/api/v1/audit?{query}")).status_code == 404
    assert (await server.client.get("/api/v1/audit?before=x")).status_code == 400


async def test_the_trail_is_verified(server: Server) -> None:
    await server.client.get("/api/v1/me")
    await server.audit.flush()
    found = (await server.client.get("/api/v1/audit/verify", headers=OPERATOR)).json()
    assert (found["ok"], len(found["chains"]), found["chains"][0]["problem"]) == (True, 1, "")


async def test_the_kill_switch_refuses_what_needs_a_box(server: Server) -> None:
    client = server.client
    thrown = await client.post(f"{PATH_B}/disable", json=WHY, headers=OPERATOR)
    assert [one["scope"] for one in thrown.json()["switches"]] == ["global"]
    refused = await client.post(EXEC, json={"command": "true"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "an incident" in refused.json()["error"]["message"]
    assert (await client.get("/api/v1/projects/shop")).status_code == 200
    back = await client.post(f"{PATH_B}/enable", json={}, headers=OPERATOR)
    assert (back.json()["switches"], back.json()["revision"]) == ([], 2)
    assert (await client.post(EXEC, json={"command": "true"})).status_code == 200


async def test_a_switch_has_the_scope_of_what_it_names(server: Server) -> None:
    client, theirs = server.client, {"workspace": "other", "project": "theirs", **WHY}
    await client.post(f"{PATH_B}/disable", json=theirs, headers=OPERATOR)
    assert (await client.post(EXEC, json={"command": "true"})).status_code == 200
    assert (await client.get("/api/v1/flags")).json()["switches"] == []
    for body, status in (
        ({"workspace": "never", **WHY}, 404),
        ({"project": "shop", **WHY}, 400),
        ({"scope": "global", "workspace": "acme", **WHY}, 400),
        ({"reason": " ", "author": "ann"}, 400),
        ({"author": "ann"}, 400),
    ):
        found = await client.post(f"{PATH_B}/disable", json=body, headers=OPERATOR)
        assert found.status_code == status


async def test_a_token_sees_the_switches_over_it(server: Server) -> None:
    await server.client.post(
        f"{PATH_B}/disable", json={"workspace": "acme", **WHY}, headers=OPERATOR
    )
    (seen,) = (await server.client.get("/api/v1/flags")).json()["switches"]
    assert (seen["scope"], seen["workspace"], seen["reason"]) == (
        "workspace", "acme", "an incident",
    )  # fmt: skip
    foreign = await server.client.get("/api/v1/flags", headers=await server.token("other"))
    assert foreign.json()["switches"] == []
    everything = await server.client.get(PATH_B, headers=OPERATOR)
    assert len(everything.json()["switches"]) == 1


async def test_a_drill_tells_how_long_each_replica_took(server: Server) -> None:
    found = (await server.client.post(f"{PATH_B}/drill", json={}, headers=OPERATOR)).json()
    assert [one["id"] for one in found["replicas"]] == ["r1"]
    assert found["ms"] == found["replicas"][0]["ms"] > 0
