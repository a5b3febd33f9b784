"""All surfaces as one ASGI application.

request id, log, metrics -> Host and Origin -> /api/mcp, /api/projects/*/mcp    MCP
                                               /healthz, /readyz, /metrics      health
                                               everything else                  REST
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import Router
from starlette.types import ASGIApp

from vibn.app import App, Gate
from vibn.mcp import McpSurface
from vibn.rest import RestDeps, build
from vibn.server.health import Health
from vibn.server.hosts import HostGuard, Hosts
from vibn.server.metrics import Metrics
from vibn.server.requests import Requests, request_id


def make_mcp(app: App, gate: Gate) -> McpSurface:
    return McpSurface(
        gate.toolbox,
        gate.calls,
        request_id=request_id,
        body_limit=app.settings.body_limit,
        relay=app.store.relay,
    )


def make_rest(app: App, gate: Gate) -> ASGIApp:
    return build(
        RestDeps(
            calls=gate.calls,
            toolbox=gate.toolbox,
            store=app.store,
            projects=app.projects,
            tokens=gate.tokens,
            switchboard=gate.switchboard,
            audit=gate.audit,
            limits=app.settings.limits,
            request_id=request_id,
            body_limit=app.settings.body_limit,
        )
    )


def make_asgi(
    app: App,
    gate: Gate,
    mcp: McpSurface,
    metrics: Metrics,
    hosts: Hosts,
    closing: Callable[[], bool],
) -> ASGIApp:
    health = Health(app.store, closing, metrics)
    router = Router(
        routes=[*mcp.routes(), *health.routes()],
        redirect_slashes=False,
        default=make_rest(app, gate),
    )
    return Requests(HostGuard(router, hosts), metrics)
