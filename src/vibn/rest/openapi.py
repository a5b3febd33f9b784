"""The OpenAPI document of this surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from vibn import __version__
from vibn.rest.documented import PROBLEM

PATH = "/api/v1/openapi.json"
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token: `vibn_...`."},
    "admin": {"type": "http", "scheme": "bearer", "description": "The admin secret."},
}
_ABOUT = """\
Dev containers for projects, driven by AI agents. Every error is a `Problem`; every answer carries \
`X-Request-Id`. Times are ISO 8601 in UTC, sizes are bytes. `docs/rest.md` tells the terminal over \
WebSocket, which this document cannot.\
"""


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    found = get_openapi(title="Vibn", version=__version__, description=_ABOUT, routes=routes)
    shared: dict[str, Any] = {}
    for operation in _operations(found):
        # FastAPI's own word for what is a Problem with status 400 here.
        operation["responses"].pop("422", None)
        admin = str(operation.get("description", "")).endswith("Admin secret.")
        _share(operation["responses"], shared)
        operation["security"] = [{"admin" if admin else "token": []}]
    components = found.setdefault("components", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(unused, None)
    components["securitySchemes"] = _SCHEMES
    components["responses"] = shared
    return found


def _operations(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in found["paths"].values():
        yield from methods.values()


def _share(responses: dict[str, Any], shared: dict[str, Any]) -> None:
    """Nearly every operation can fail in the same ways: each is written once."""
    for status, response in responses.items():
        if str(response.get("description", "")).startswith(PROBLEM):
            shared[f"Problem{status}"] = response
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
