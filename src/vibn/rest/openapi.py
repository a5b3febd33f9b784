"""The OpenAPI document of this surface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response
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


class Described:
    """Answers with the document. It is made when it is first asked for, beside the event loop: it
    takes a good part of a second."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = tuple(routes)
        self._made: asyncio.Task[bytes] | None = None

    async def answer(self, _: Request) -> Response:
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(self._make), name="openapi")
        return Response(await asyncio.shield(self._made), media_type="application/json")

    def _make(self) -> bytes:
        return json.dumps(document(self._routes), separators=(",", ":")).encode()


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
