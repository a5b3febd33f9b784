"""Whatever is wrong with a request is told in the one shape, with what to do about it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.unit.rest.conftest import OPERATOR, READ, Server

SHOP = "/api/v1/projects/shop"
JSON = {"Content-Type": "application/json"}


def code(answer: httpx2.Response) -> str:
    """The error's code; every error has all parts of its shape."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "hint", "retryable", "detail"}
    assert error["message"]
    assert error["hint"]
    return str(error["code"])


def fields(answer: httpx2.Response) -> list[str]:
    assert (answer.status_code, code(answer)) == (400, "invalid_input")
    return [one["field"] for one in answer.json()["error"]["detail"]["fields"]]


async def test_each_wrong_field_is_named(client: httpx2.AsyncClient) -> None:
    wrong = {"cwd": 3, "timeout_ms": "5", "user": "ann", "more": 1}
    answer = await client.post(f"{SHOP}/exec", json=wrong)
    assert sorted(fields(answer)) == [
        "body.command", "body.cwd", "body.more", "body.timeout_ms", "body.user",
    ]  # fmt: skip


async def test_what_a_wrong_field_held_is_not_repeated(client: httpx2.AsyncClient) -> None:
    answer = await client.put(f"{SHOP}/secrets/A", json={"value": ["hunter2"]})
    assert fields(answer) == ["body.value"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("depth=x", ["query.depth"]),
        ("depth=1.0", ["query.depth"]),
        ("depth=%2B1", ["query.depth"]),
        ("depth=0", ["query.depth"]),
        ("dept=1", ["query.dept"]),
        ("depth=1&depth=1", ["query.depth"]),
        ("limit=" + "9" * 400, ["query.limit"]),
    ],
)
async def test_so_is_each_wrong_parameter(
    client: httpx2.AsyncClient, query: str, named: list[str]
) -> None:
    assert fields(await client.get(f"{SHOP}/tree?{query}")) == named


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"[" * 100_000, b'"\xff"', b"9" * 5000, b'{"command": "\\ud800"}', b"null", b"[]"],
)
async def test_a_body_that_is_no_json_object_is_refused(
    client: httpx2.AsyncClient, body: bytes
) -> None:
    answer = await client.post(f"{SHOP}/exec", content=body, headers=JSON)
    assert (answer.status_code, code(answer)) == (400, "invalid_input")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_said_to_be_json_is_refused(
    client: httpx2.AsyncClient, kind: str
) -> None:
    headers = {"Content-Type": kind}
    answer = await client.post(f"{SHOP}/exec", content=b'{"command": "true"}', headers=headers)
    assert code(answer) == "invalid_input"
    assert "application/json" in answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/projects/%2e%2e", 400),
        ("/api/v1/projects/a%00b", 400),
        ("/api/v1/projects/SHOP", 400),
        ("/api/v1/projects/" + "a" * 5000, 400),
        ("/api/v1/projects/shop%0a", 400),
        ("/api/v1/projects/%ff", 400),
        ("/api/v1/projects/sh%2Fop", 404),
        ("/api/v1/audit?project=%ff", 400),
        (f"{SHOP}/files/%2e%2e/%2e%2e/etc/passwd", 400),
        (f"{SHOP}/files/%2fetc%2fpasswd", 400),
        (f"{SHOP}/files/a%00b", 400),
        (f"{SHOP}/files/", 400),
        (f"{SHOP}/files/" + "a" * 5000, 400),
        (f"{SHOP}/files/" + "a/" * 2000, 404),
        (f"{SHOP}/jobs/..%2f..", 404),
        (f"{SHOP}/jobs/a%00", 400),
        ("/api/v1/me/", 404),
        ("/", 404),
        ("//", 404),
    ],
)
async def test_odd_addresses_are_clean_errors(
    client: httpx2.AsyncClient, path: str, status: int
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, bool(code(answer))) == (status, True)
    assert len(answer.content) < 10_000


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(40):
        yield b" " * (1 << 20)


async def test_a_body_that_is_too_large_is_refused(server: Server) -> None:
    for content in (b" " * (25 << 20), pieces()):
        answer = await server.client.post(f"{SHOP}/exec", content=content, headers=JSON)
        assert (answer.status_code, code(answer)) == (413, "too_large")


async def test_a_stranger_who_sends_much_is_refused_before_it_is_read(server: Server) -> None:
    stranger = {**JSON, "Authorization": "Bearer vibn_nobody"}
    for content in (b" " * (25 << 20), pieces()):
        answer = await server.client.post(f"{SHOP}/exec", content=content, headers=stranger)
        assert answer.status_code == 401


async def test_an_unknown_address_is_a_problem(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v2/me")
    assert (answer.status_code, code(answer)) == (404, "route_not_found")


async def test_another_method_is_told_which_there_are(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"{SHOP}/files/a.txt")
    assert (answer.status_code, code(answer)) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, PUT"


async def test_who_may_not_call_is_told_so_before_anything_else(server: Server) -> None:
    wrong = {"Authorization": "Bearer vibn_nobody"}
    for path, body in (("/exec", {}), ("/exec?x=1", {"command": "true"}), ("/mkdir", [])):
        answer = await server.client.post(SHOP + path, json=body, headers=wrong)
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["Basic", "", "bearer"])
async def test_a_token_is_a_bearer_token(client: httpx2.AsyncClient, scheme: str) -> None:
    text = client.headers["Authorization"].removeprefix("Bearer ")
    answer = await client.get("/api/v1/me", headers={"Authorization": f"{scheme} {text}".strip()})
    assert answer.status_code == (200 if scheme == "bearer" else 401)


async def test_a_token_that_may_only_read_changes_nothing(server: Server) -> None:
    reader = await server.token(access=READ)
    for method, path, body in (
        ("POST", "/exec", {"command": "true"}),
        ("DELETE", "/files/a", None),
        ("PUT", "/secrets/A", {"value": "x"}),
        ("POST", "/box/ensure", {}),
        ("DELETE", "", None),
    ):
        answer = await server.client.request(method, SHOP + path, json=body, headers=reader)
        assert (answer.status_code, code(answer)) == (403, "read_only_token")
    assert (await server.client.get(f"{SHOP}/tree", headers=reader)).status_code == 200


async def test_what_operators_do_is_refused_to_tokens(server: Server) -> None:
    for method, path, body in (
        ("GET", "/api/admin/path-b", None),
        ("POST", "/api/admin/path-b/drill", {}),
        ("POST", "/api/v1/workspaces", {"slug": "x"}),
        ("GET", "/api/v1/workspaces/acme/tokens", None),
        ("GET", "/api/v1/audit/verify", None),
    ):
        answer = await server.client.request(method, path, json=body)
        assert (answer.status_code, code(answer)) == (403, "admin_required")


async def test_the_admin_secret_is_no_token(server: Server) -> None:
    assert (await server.client.get(f"{SHOP}/tree", headers=OPERATOR)).status_code == 401


async def test_an_error_that_nobody_expected_tells_no_internals(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("hunter2")

    app: FastAPI = server.app
    app.add_api_route("/broken", broken)
    with caplog.at_level(logging.ERROR):
        answer = await server.client.get("/broken")
    assert (answer.status_code, code(answer)) == (500, "internal")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
