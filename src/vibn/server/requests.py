"""Every request gets an id, a line in the log, and its place in the metrics."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from secrets import token_hex

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibn.server.metrics import Metrics

HEADER = "X-Request-Id"
KEY = "vibn.request_id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
QUIET = ("/healthz", "/readyz", "/metrics")

log = structlog.get_logger("vibn.access")


def request_id(scope: Scope) -> str:
    """As the answer's ``X-Request-Id`` tells it."""
    return str(scope[KEY])


class Requests:
    """A well-formed id that a balancer gave is kept, so that its log and ours can be joined."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, ids: Callable[[], str] = lambda: token_hex(8)
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        scope[KEY] = given if _GIVEN.fullmatch(given) else self._ids()
        answer = _Answer(send, scope[KEY])
        begun = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request=scope[KEY]):
            try:
                await self._app(scope, receive, answer.send)
            finally:
                self._tell(scope, answer, time.perf_counter() - begun)

    def _tell(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        path = scope["path"]
        self._metrics.request(_surface(path), scope.get("method", "WS"), answer.status, seconds)
        tell = log.debug if path in QUIET else log.info
        tell(
            "request",
            method=scope.get("method", "WS"),
            path=path[:512],
            status=answer.status,
            ms=round(seconds * 1000, 1),
            sent=answer.size,
            client=(scope.get("client") or ("",))[0],
        )


class _Answer:
    """What goes back, counted. Status 0: nothing was answered; 101: a WebSocket."""

    def __init__(self, send: Send, id: str) -> None:
        self._send = send
        self._id = id
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            MutableHeaders(scope=message)[HEADER] = self._id
        elif kind == "websocket.accept":
            self.status = 101
            MutableHeaders(scope=message).append(HEADER, self._id)
        elif kind == "websocket.close" and not self.status:
            self.status = 403
        self.size += len(message.get("body") or message.get("bytes") or b"")
        await self._send(message)


def _surface(path: str) -> str:
    if path.startswith("/api/admin/"):
        return "admin"
    if path.startswith("/api/v1/"):
        return "rest"
    if path.startswith("/api/"):
        return "mcp"
    return "other"
