"""One request on its way to the services: who calls, the call that is opened, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import Depends
from pydantic import TypeAdapter
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from vibn.authority import Token
from vibn.errors import StoreUnavailable
from vibn.rest.beside import beside, leaving
from vibn.rest.deps import RestDeps
from vibn.services.calls import Call, Caller, Purpose
from vibn.services.running import Progress

EVENTS = "text/event-stream"
RECHECK = 5.0
"""Seconds between two looks whether the token of a long call still counts."""
MOST_LENGTH = 18
"""Digits of a Content-Length that is believed."""


def deps_of(connection: HTTPConnection) -> RestDeps:
    deps = connection.app.state.deps
    assert isinstance(deps, RestDeps)
    return deps


def length_of(connection: HTTPConnection) -> int:
    """What the request announces of its body; 0 when it says nothing."""
    told = connection.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= MOST_LENGTH else 0


def caller_of(connection: HTTPConnection) -> Caller:
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    return Caller(
        credential=credential.strip() if scheme.lower() == "bearer" else "",
        surface="rest",
        request=deps_of(connection).request_id(connection.scope),
        received=length_of(connection),
    )


async def still_valid(deps: RestDeps, caller: Caller, project: str) -> None:
    """Never returns; raises Unauthenticated, TokenExpired, TokenRevoked, ProjectNotFound."""
    while True:
        await asyncio.sleep(RECHECK)
        with suppress(StoreUnavailable):
            await deps.calls.identify(caller, project)


class Visit:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.deps = deps_of(request)
        self.caller = caller_of(request)

    @property
    def is_admin(self) -> bool:
        return self.deps.calls.is_admin(self.caller)

    @property
    def wants_events(self) -> bool:
        ranges = self.request.headers.get("accept", "").split(",")
        return any(kind.partition(";")[0].strip() == EVENTS for kind in ranges)

    async def identify(self) -> Token:
        return await self.deps.calls.identify(self.caller)

    def while_there(self) -> AbstractAsyncContextManager[None]:
        """The block ends when the client leaves. The request's body must have been read."""
        return beside(leaving(self.request.receive))

    @asynccontextmanager
    async def call(
        self,
        purpose: Purpose,
        project: str | None = None,
        arguments: Mapping[str, object] | None = None,
        paths: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> AsyncIterator[Call]:
        """As ``Calls.open``, and ended when the client leaves: what runs in a box is killed."""
        opened = self.deps.calls.open(
            self.caller, purpose, project, arguments=arguments, paths=paths, progress=progress
        )
        async with self.while_there(), opened as call:
            yield call

    @asynccontextmanager
    async def stream(
        self,
        purpose: Purpose,
        project: str,
        arguments: Mapping[str, object] | None = None,
        paths: Sequence[str] = (),
    ) -> AsyncIterator[Call]:
        """A call that may last: it is also ended when its token is revoked or expires."""
        async with (
            beside(still_valid(self.deps, self.caller, project)),
            self.call(purpose, project, arguments, paths) as call,
        ):
            yield call

    @asynccontextmanager
    async def receiving(
        self, purpose: Purpose, project: str, paths: Sequence[str]
    ) -> AsyncIterator[Call]:
        """A call that reads the request's body itself, and so learns from it of a client that
        leaves."""
        async with self.deps.calls.open(self.caller, purpose, project, paths=paths) as call:
            yield call

    @asynccontextmanager
    async def administer(
        self,
        name: str,
        arguments: Mapping[str, object] | None = None,
        workspace: str = "",
        project: str = "",
    ) -> AsyncIterator[None]:
        """As ``Calls.administer``."""
        async with self.deps.calls.administer(
            self.caller, name, arguments=arguments, workspace=workspace, project=project
        ):
            yield


async def _visit(request: Request) -> Visit:
    return Visit(request)


Visiting = Annotated[Visit, Depends(_visit)]


_adapters: dict[type, TypeAdapter[Any]] = {}


def encoded(value: object) -> bytes:
    """A model or a frozen value as JSON."""
    kind = type(value)
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind].dump_json(value)


def answer(value: object, call: Call | None = None, status: int = 200) -> Response:
    """The size of it goes into the call's audit row: answer inside the call's block."""
    body = encoded(value)
    if call is not None:
        call.sent(len(body))
    return Response(body, status_code=status, media_type="application/json")


def nothing() -> Response:
    return Response(status_code=204)
