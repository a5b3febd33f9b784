"""One request to the server, before it is sent: what, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

API = "/api/v1"
USUAL = 60.0
"""Seconds for a call that only looks something up or changes a row."""
STARTING = 180.0
"""Seconds that a box may need to be made or woken before a call in it begins."""
SILENCE = 60.0
"""Seconds without a byte after which a stream counts as broken: servers send one each 15 s."""

Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Request:
    """``repeatable``: done twice it is as done once, so it may be tried again. ``admin``: the
    admin secret is sent for it when there is one. ``deadline`` is for all of it, ``silence`` for
    the time without a byte, in seconds; None: no limit. ``also`` are statuses above 299 that are
    an answer, too."""

    method: str
    path: str
    query: Query = field(default_factory=dict[str, "str | int | bool | None"])
    body: object = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = False
    admin: bool = False
    deadline: float | None = USUAL
    silence: float | None = None
    also: frozenset[int] = frozenset()
    prefix: str = API


def get(path: str, query: Query | None = None, **more: bool) -> Request:
    return Request("GET", path, query or {}, repeatable=True, admin=more.get("admin", False))


def parameters(query: Query) -> dict[str, str]:
    """As they stand in the address; None is left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in query.items()
        if value is not None
    }


def segment(text: str) -> str:
    """One part of an address, whatever it holds."""
    return _undotted(quote(text, safe=""))


def file_path(path: str) -> str:
    """A file's path in an address. Dots keep their meaning for the box alone: an address with
    ``..`` in it would lead to another resource."""
    relative = path.removeprefix("/workspace/") if path != "/workspace" else "."
    return "/".join(_undotted(quote(part, safe="")) for part in relative.split("/"))


def _undotted(part: str) -> str:
    return part.replace(".", "%2E") if part in (".", "..") else part
