"""The REST surface as one ASGI application."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vibn.errors import InvalidInput, MethodNotAllowed, RouteNotFound, VibnError
from vibn.problem import problem
from vibn.rest import (
    archive,
    audit,
    box,
    exec,
    files,
    jobs,
    killswitch,
    me,
    openapi,
    projects,
    secrets,
    terminal,
    tokens,
    tree,
    watch,
    workspaces,
)
from vibn.rest.deps import RestDeps
from vibn.rest.edge import Edge
from vibn.rest.mistakes import invalid
from vibn.rest.openapi import Described
from vibn.rest.tools import tool_routes

_ROUTERS = (
    me.router,
    projects.router,
    secrets.router,
    box.router,
    exec.router,
    terminal.router,
    jobs.router,
    files.router,
    tree.router,
    archive.router,
    watch.router,
    workspaces.router,
    tokens.router,
    audit.router,
    killswitch.flags,
    killswitch.router,
)
LONGEST = 200


def build(deps: RestDeps) -> FastAPI:
    """All addresses of ``/api/v1`` and ``/api/admin``; any other is a problem too, so it may
    stand behind everything else."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.deps = deps
    for router in (*_ROUTERS, tool_routes(deps.toolbox)):
        app.router.routes.extend(router.routes)
    app.router.routes.append(Route(openapi.PATH, Described(app.routes).answer))
    app.add_exception_handler(VibnError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_middleware(Edge)
    return app


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, VibnError)
    return problem(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(invalid(error, request.headers.get("content-type", "")))


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"[:LONGEST]
    if error.status_code == 404:
        return problem(RouteNotFound(f"There is no {where!r}."))
    if error.status_code == 405:
        refusal = MethodNotAllowed(f"This server does not answer {where!r}.")
        return problem(refusal, {"Allow": ", ".join(_methods(request))})
    return problem(InvalidInput("The request cannot be understood."), status=error.status_code)


def _methods(request: Request) -> list[str]:
    """All that this address answers, on whichever route."""
    path = request.scope["path"]
    routes = [r for r in request.app.routes if isinstance(r, Route) and r.path_regex.match(path)]
    return sorted({method for route in routes for method in route.methods or ()})
