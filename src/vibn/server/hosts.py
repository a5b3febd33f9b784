"""Which names a request may call us by, and which web pages may send it.

A page that a browser was lured to can point its own name at this address (DNS rebinding): the
request then carries that name as its Host, which is none of ours. An address cannot be taken over
like that, so a Host that is an IP address is let in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vibn.config import Settings
from vibn.errors import HostRefused, OriginRefused, VibnError
from vibn.problem import problem

LOCAL = ("localhost",)


class Hosts:
    """Names with a port are let in with that port alone, names without one with any."""

    def __init__(self, names: Iterable[str], origins: Iterable[str]) -> None:
        self.names = frozenset(name.strip().lower() for name in names if name.strip())
        self.origins = frozenset(o.strip().lower().rstrip("/") for o in origins if o.strip())

    @classmethod
    def of(cls, settings: Settings) -> Hosts:
        public = urlsplit(settings.public_url).netloc
        names = [*LOCAL, settings.host, public, *settings.allowed_hosts.split(",")]
        return cls(names, [settings.public_url, *settings.allowed_origins.split(",")])

    def knows(self, host: str) -> bool:
        host = host.lower()
        name = _without_port(host)
        if host in self.names or name in self.names:
            return True
        return _is_address(name) or name.endswith(".localhost")

    def check(self, host: str, origin: str | None) -> None:
        """Raises HostRefused, OriginRefused."""
        if not self.knows(host):
            raise HostRefused(f"This server is not known by the name {host[:100]!r}.")
        if origin is None or origin.lower() in self.origins:
            return
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not self.knows(parts.netloc):
            raise OriginRefused(f"Pages of {origin[:100]!r} may not call this server.")


class HostGuard:
    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            try:
                self._hosts.check(headers.get("host", ""), headers.get("origin"))
            except VibnError as error:
                await problem(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
