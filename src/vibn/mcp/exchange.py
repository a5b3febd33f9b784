"""One HTTP request of a client, as all that serve it see it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Scope

from vibn.authority import Token
from vibn.services.calls import Caller

_KEY = "vibn.mcp.exchange"
_SESSION = re.compile(r"[\x21-\x7e]{1,128}")
SESSION_HEADER = "mcp-session-id"
VERSION_HEADER = "mcp-protocol-version"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who asks, and where: ``project`` is the one that the address is bound to, None at the
    address of all. ``session`` is what an older client was given to tell
    it from others, empty where it sent none. ``handshake``: it speaks a version of the eras of
    ``initialize``."""

    caller: Caller
    token: Token
    project: str | None
    session: str
    handshake: bool

    def with_body(self, size: int) -> Self:
        return replace(self, caller=replace(self.caller, received=size))

    def kept_in(self, scope: Scope) -> None:
        scope[_KEY] = self


def exchange_of(request: Request) -> Exchange:
    exchange = request.scope[_KEY]
    assert isinstance(exchange, Exchange)
    return exchange


def is_handshake_era(version: str | None) -> bool:
    """Whether a request with this version header belongs to the eras of ``initialize``."""
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


def session_in(header: str | None) -> str:
    return header if header and _SESSION.fullmatch(header) else ""


def credential_in(header: str | None) -> str:
    """The token of an Authorization header; empty when it holds none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
