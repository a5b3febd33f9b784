"""Which statuses an address answers, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vibn.errors import BY_CODE

Responses = dict[int | str, dict[str, Any]]


class Fault(BaseModel):
    """What went wrong. ``code`` is stable, ``message`` says what happened, ``hint`` what to do
    next; ``retryable``: the same call may be tried again; ``detail`` holds facts for programs."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str
    hint: str
    retryable: bool
    detail: dict[str, object]


class Problem(BaseModel):
    """Every error has this shape."""

    model_config = ConfigDict(extra="forbid")

    error: Fault = Field(description="What went wrong.")


PROBLEM = "A problem:"

_ALWAYS = (400, 401, 403, 404, 413, 421, 429, 500, 503, 504)
_BOX = (409, 501, 502, 507)
_OWN: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "The scheme.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}},
}


def problem_of(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


def _problem(status: int) -> dict[str, Any]:
    codes = sorted(code for code, cls in BY_CODE.items() if cls.http_status == status)
    return {**problem_of(f"{PROBLEM} {', '.join(codes)}."), "headers": _OWN.get(status, {})}


def problems(*more: int, box: bool = False) -> Responses:
    """Those that come anywhere, those of a ``box``, and ``more``."""
    statuses = {*_ALWAYS, *(_BOX if box else ()), *more}
    return {status: _problem(status) for status in sorted(statuses)}


BYTES = {"type": "string", "format": "binary"}


def content(description: str, by_type: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A response of something else than JSON: its media types and their schemas."""
    return {
        "description": description,
        "content": {kind: {"schema": schema} for kind, schema in by_type.items()},
    }


def told(*names: str) -> dict[str, Any]:
    """A response of server-sent events, told as the object that each of them is."""
    event = {"type": "string", "enum": list(names)}
    data = {"type": "string", "contentMediaType": "application/json"}
    schema = {"type": "object", "properties": {"event": event, "data": data}}
    return {"content": {"text/event-stream": {"schema": schema}}}


def takes(kind: str, description: str) -> dict[str, Any]:
    """A request's body that is bytes of this media type."""
    body = {"required": True, "description": description, "content": {kind: {"schema": BYTES}}}
    return {"requestBody": body}
