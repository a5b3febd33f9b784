"""Requests that reach the fake, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vibn.client.testing.feed import Feed
from vibn.errors import InvalidInput, VibnError


@dataclass(frozen=True)
class Asked:
    """``parts`` are the unquoted parts of the address that its route names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parts: tuple[str, ...] = ()

    @property
    def events(self) -> bool:
        return "text/event-stream" in self.headers.get("accept", "")

    def json(self) -> dict[str, Any]:
        """Raises InvalidInput."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise InvalidInput("The body is not valid JSON.") from None
        if not isinstance(found, dict):
            raise InvalidInput("The body is not an object.")
        return found


@dataclass(frozen=True)
class Told:
    """``body`` is bytes, or a feed of them."""

    status: int = 200
    body: bytes | Feed[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def told(value: object, status: int = 200) -> Told:
    return Told(status, json.dumps(value).encode(), {"content-type": "application/json"})


def wrong(error: VibnError) -> Told:
    """The one shape of every error."""
    headers = {"content-type": "application/json", "x-request-id": "fake"}
    if error.http_status in (429, 503):
        headers["retry-after"] = str(error.detail.get("retry_after", 1))
    return Told(error.http_status, json.dumps(shape(error)).encode(), headers)


def shape(error: VibnError) -> dict[str, object]:
    names = ("code", "message", "hint", "retryable", "detail")
    return {"error": {name: getattr(error, name) for name in names}}


def event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
