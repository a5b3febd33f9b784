"""What the SDK asks of us: the list of tools, and a call of one.

A failure that a model can act on is a result with ``is_error``; a raised exception would be an
opaque error of the protocol. Only an unknown tool is one, as the specification has it.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from vibn import __version__
from vibn.errors import ToolNotFound, VibnError
from vibn.mcp.exchange import Exchange, exchange_of
from vibn.mcp.inflight import InFlight, TakenBack
from vibn.mcp.instructions import INSTRUCTIONS
from vibn.mcp.listing import Listing
from vibn.mcp.progress import Teller
from vibn.mcp.takeback import key_of
from vibn.tools import Toolbox, render_error

log = logging.getLogger(__name__)

Context = ServerRequestContext[dict[str, object], Request]

LISTED_FOR_MS = 300_000
"""How long a client may keep a list of tools: only a release changes it."""
REQUEST_CANCELLED = -32800
"""What the SDK answers of a cancelled request in the handshake eras, whose streams end with an
answer; clients that cancelled drop it."""


def make_server(toolbox: Toolbox, inflight: InFlight) -> Server[dict[str, object]]:
    handlers = Handlers(toolbox, inflight)
    hint = CacheHint(ttl_ms=LISTED_FOR_MS, scope="private")
    server = Server[dict[str, object]](
        "vibn",
        title="Vibn",
        version=__version__,
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": hint, "server/discover": hint},
        get_tool_input_schema=lambda _: None,  # no argument of ours travels in a header
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
    )
    server.middleware.clear()  # tracing that nobody exports
    return server


class Handlers:
    def __init__(self, toolbox: Toolbox, inflight: InFlight) -> None:
        self._toolbox = toolbox
        self._listing = Listing(toolbox)
        self._inflight = inflight

    async def list_tools(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(types.INVALID_PARAMS, "The list has one page; no cursor was given out.")
        return self._listing.for_exchange(_exchange(context))

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        exchange = _exchange(context)
        try:
            return _result(await self._run(exchange, context, params))
        except TakenBack:
            raise MCPError(REQUEST_CANCELLED, "The client cancelled this call.") from None
        except ToolNotFound as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        except VibnError as error:
            return _result(render_error(error), is_error=True)
        except Exception:
            request = exchange.caller.request
            log.exception("a tool call failed by surprise", extra={"request": request})
            return _result(_surprise(request), is_error=True)

    async def _run(
        self, exchange: Exchange, context: Context, params: types.CallToolRequestParams
    ) -> str:
        key = key_of(exchange, context.request_id) if exchange.handshake else None
        async with AsyncExitStack() as stack:
            teller = None
            if (context.meta or {}).get("progress_token") is not None:
                teller = Teller(context.session)
                await stack.enter_async_context(teller.telling())
            call = self._toolbox.call(
                exchange.caller,
                params.name,
                params.arguments or {},
                project=exchange.project,
                progress=teller,
            )
            return (await self._inflight.run(key, call)).text


def _exchange(context: Context) -> Exchange:
    assert context.request is not None
    return exchange_of(context.request)


def _result(text: str, *, is_error: bool = False) -> types.CallToolResult:
    content = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, is_error=is_error)


def _surprise(request: str) -> str:
    return (
        "internal: The server failed by surprise; that is not this call's fault. "
        f"Try it once more; if it fails again, tell the operator the request id {request}."
    )
