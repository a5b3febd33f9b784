"""A foreign project answers byte for byte as a missing one, on every address that names one."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from tests.unit.rest.conftest import Server, bearer
from tests.unit.rest.socket import connected

BODIES: dict[str, Any] = {
    "/exec": {"command": "true"},
    "/jobs": {"command": "true"},
    "/jobs/{id}/signal": {"signal": "TERM"},
    "/secrets/{name}": {"value": "x"},
    "/move": {"path": "a", "to": "b"},
    "/mkdir": {"path": "a"},
}
"""What an address needs to be let through to the question whose project it is; the others take an
empty object, or no body."""
QUERIES = {"/stat": {"path": "a"}}
VALUES = {"id": "j1", "name": "A", "path:file": "a.txt", "tool": "fs_read"}


def operations(app: FastAPI) -> list[tuple[str, str]]:
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    named = [route for route in routes if "{project}" in route.path]
    return [(method, route.path) for route in named for method in sorted(route.methods)]


async def answer(server: Server, method: str, path: str, project: str) -> tuple[Any, ...]:
    tail = path.removeprefix("/api/v1/projects/{project}")
    address = path.replace("{project}", project)
    for name, value in VALUES.items():
        address = address.replace("{" + name + "}", value)
    body = None if method in ("GET", "HEAD", "DELETE") else BODIES.get(tail, {})
    found = await server.client.request(method, address, json=body, params=QUERIES.get(tail))
    return found.status_code, found.headers.raw, found.content


async def test_no_route_tells_a_foreign_project_from_a_missing_one(server: Server) -> None:
    asked = operations(server.app)
    foreign = {each: await answer(server, *each, "theirs") for each in asked}
    await server.deps.projects.delete("other", "theirs")
    missing = {each: await answer(server, *each, "theirs") for each in asked}
    assert foreign == missing
    assert {each: status for each, (status, *_) in missing.items()} == dict.fromkeys(asked, 404)
    words = {each: body for each, (_, _, body) in missing.items() if each[0] != "HEAD"}
    assert [each for each, body in words.items() if b'"project_not_found"' not in body] == []
    assert len(asked) > 40


async def test_nor_does_one_for_a_token_that_is_held_to_another_project(server: Server) -> None:
    await server.deps.projects.create("acme", "second")
    server.client.headers.update(await server.token(project="shop"))
    asked = operations(server.app)
    foreign = {each: await answer(server, *each, "second") for each in asked}
    await server.deps.projects.delete("acme", "second")
    assert foreign == {each: await answer(server, *each, "second") for each in asked}
    assert {status for status, *_ in foreign.values()} == {404}


async def messages(server: Server, path: str) -> list[object]:
    async with connected(server.app, path, server.client.headers) as (socket, _):
        socket.tell({"command": "true"})
        return [await socket.message() for _ in range(3)]


async def test_nor_does_a_websocket(server: Server) -> None:
    routes = [route.path for route in server.app.routes if isinstance(route, APIWebSocketRoute)]
    paths = [path.replace("{project}", "theirs") for path in routes]
    foreign = [await messages(server, path) for path in paths]
    await server.deps.projects.delete("other", "theirs")
    assert foreign == [await messages(server, path) for path in paths]
    assert "project_not_found" in str(foreign)


@pytest.mark.parametrize("credential", ["", "vibn_nobody", "x" * 5000])
async def test_nobody_learns_anything_without_a_token(server: Server, credential: str) -> None:
    server.client.headers.update(bearer(credential))
    for method, path in operations(server.app):
        assert (await answer(server, method, path, "shop"))[0] == 401, (method, path)
