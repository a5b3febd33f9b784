"""The OpenAPI document tells all that the surface does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.unit.rest.conftest import Server

from vibn.errors import BY_CODE

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def document(server: Server) -> Any:
    return (await server.client.get("/api/v1/openapi.json", headers={"Authorization": ""})).json()


def operations(document: Any) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_reference_leads_somewhere(document: Any) -> None:
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]


def test_every_operation_is_explained_and_has_a_name_of_its_own(document: Any) -> None:
    found = operations(document)
    assert [name for name, one in found.items() if not one.get("description")] == []
    assert len({one["operationId"] for one in found.values()}) == len(found)


def test_every_operation_names_its_statuses_and_its_credential(document: Any) -> None:
    for name, operation in operations(document).items():
        statuses = set(operation["responses"])
        assert {"400", "401", "403", "404", "429", "500", "503"} <= statuses, name
        assert "422" not in statuses, name
        assert operation["security"] in ([{"token": []}], [{"admin": []}]), name


def test_every_code_of_an_error_is_told_with_its_status(document: Any) -> None:
    told = {
        code: int(name.removeprefix("Problem"))
        for name, response in document["components"]["responses"].items()
        for code in re.findall(r"\w+", response["description"].partition(":")[2])
    }
    ours = {code: cls.http_status for code, cls in BY_CODE.items() if code != "method_not_allowed"}
    assert told == ours


def test_every_route_but_those_of_aliases_is_in_it(server: Server, document: Any) -> None:
    routes = [route for route in server.app.routes if isinstance(route, APIRoute)]
    left_out = {route.path for route in routes if not route.include_in_schema}
    assert {path.rpartition("/")[2] for path in left_out} == {"{tool}"}
    shown = {route.path_format for route in routes if route.include_in_schema}
    assert shown == set(document["paths"])


def test_every_address_but_those_of_tools_stands_in_the_docs(document: Any) -> None:
    text = (ROOT / "docs/rest.md").read_text()
    paths = [path.removeprefix("/api/v1") for path in document["paths"]]
    named = [path for path in paths if "/tools/" not in path]
    assert [path for path in named if f"{path}`" not in text] == []
