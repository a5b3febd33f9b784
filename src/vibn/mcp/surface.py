"""MCP over HTTP: ``/api/mcp`` for all projects of a token, ``/api/projects/{project}/mcp`` for one.

    credential -> 401    project -> 404    size -> 413    method -> 405    then the SDK, one of:
    a version header of 2026-07-28 and later: one exchange, no session
    any other, or none: the handshake eras, each POST served for itself, answered by an SSE stream

Refusals before MCP are our problem JSON. ``docs/adr/0008-mcp-eras.md`` says what a client that
leaves, and one that cancels, mean in each era.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from secrets import token_urlsafe

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from vibn.errors import MethodNotAllowed, VibnError
from vibn.mcp.body import SHORT, Gone, check_length, is_short, project_in, read_body, replayed
from vibn.mcp.exchange import (
    SESSION_HEADER,
    VERSION_HEADER,
    Exchange,
    credential_in,
    is_handshake_era,
    session_in,
)
from vibn.mcp.handlers import make_server
from vibn.mcp.inflight import InFlight
from vibn.mcp.takeback import Takebacks, is_initialize, is_takeback
from vibn.problem import problem
from vibn.services.calls import Caller, Calls
from vibn.store.relay import Relay
from vibn.tools import Toolbox

PATHS = ("/api/mcp", "/api/projects/{project}/mcp")
SURFACE = "mcp"


class McpSurface:
    """``request_id`` tells the id that the server gave a request; ``relay`` leads to the other
    replicas, if there can be any. Host and Origin are the server's to check, before this: the
    SDK's own check is off, for its lists cannot say what the server's rule does."""

    def __init__(
        self,
        toolbox: Toolbox,
        calls: Calls,
        *,
        request_id: Callable[[Scope], str],
        body_limit: int,
        relay: Relay | None = None,
    ) -> None:
        self._calls = calls
        self._request_id = request_id
        self._body_limit = body_limit
        self._inflight = InFlight()
        self._takebacks = Takebacks(self._inflight, relay)
        self._manager = StreamableHTTPSessionManager(
            make_server(toolbox, self._inflight),
            stateless=True,
            json_response=False,
            max_request_body_size=body_limit,
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

    def routes(self) -> list[Route]:
        """Both addresses, for a router that redirects nobody."""
        return [Route(path, endpoint=self) for path in PATHS]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve for the length of the block, once. Calls still under way at its end are
        cancelled; who wants them to end by themselves closes ``Calls`` before."""
        listening = asyncio.create_task(self._takebacks.listen(), name="mcp takebacks")
        # Else the SDK's streams break off at the first TERM, before the calls were given time.
        AppStatus.enable_automatic_graceful_drain = False
        try:
            async with self._manager.run():
                yield
        finally:
            AppStatus.enable_automatic_graceful_drain = True
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "headers": _trimmed(scope["headers"])}
        headers = Headers(scope=scope)
        credential = credential_in(headers.get("authorization"))
        early = None
        try:
            if scope["method"] == "POST" and is_short(headers.get("content-length")):
                early = await read_body(receive, SHORT)
            exchange = await self._admit(credential, scope, headers, early)
            if scope["method"] != "POST":
                raise _only_post(scope["method"])
            check_length(headers.get("content-length"), self._body_limit)
            body = await read_body(receive, self._body_limit) if early is None else early
        except VibnError as error:
            await _refusal(error, bool(credential))(scope, receive, send)
        except Gone:
            return
        else:
            exchange.with_body(len(body)).kept_in(scope)
            await self._serve(exchange, body, scope, replayed(body, receive), send)

    async def _admit(
        self, credential: str, scope: Scope, headers: Headers, body: bytes | None
    ) -> Exchange:
        """Raises Unauthenticated and its kinds, ProjectNotFound. A ``body`` that is there already
        tells which project its call will ask for: one look finds that too."""
        caller = Caller(credential, SURFACE, self._request_id(scope))
        project = scope.get("path_params", {}).get("project")
        if project is None:
            token = await self._calls.identify(caller, project_in(body or b""), must=False)
        else:
            token = await self._calls.identify(caller, project)
        return Exchange(
            caller=caller,
            token=token,
            project=project,
            session=session_in(headers.get(SESSION_HEADER)),
            handshake=is_handshake_era(headers.get(VERSION_HEADER)),
        )

    async def _serve(
        self, exchange: Exchange, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if exchange.handshake and is_takeback(body):
            await self._takebacks.apply(exchange, body)
            await Response(status_code=202)(scope, receive, send)
            return
        if exchange.handshake and is_initialize(body):
            send = _giving_session(send)
        await self._manager.handle_request(scope, receive, send)


def _trimmed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without the space around values, which is not part of them (RFC 9110, section 5.5): not
    every HTTP parser takes it away, and the SDK compares headers with the body."""
    return [(name, value.strip(b" \t")) for name, value in headers]


def _giving_session(send: Send) -> Send:
    """Nothing is kept under this session: its id tells one client of a token from another."""
    session = token_urlsafe(18)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[SESSION_HEADER] = session
        await send(message)

    return sending


def _refusal(error: VibnError, credential: bool) -> Response:
    headers = {"Allow": "POST"} if isinstance(error, MethodNotAllowed) else None
    return problem(error, headers, credential=credential)


def _only_post(method: str) -> MethodNotAllowed:
    return MethodNotAllowed(
        f"{method} is not served here.",
        hint="Send JSON-RPC by POST; there is no stream to open and no session to end.",
    )
