"""An answer that is made while its call is open, piece by piece."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vibn.errors import VibnError


class CutOff(Exception):
    """An answer that had begun could not be finished. The connection is closed before its end,
    so that the client sees it."""


class Outlet:
    """Where the pieces go; each returns once the connection has room for more."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.size = 0

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.begun = True
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self.size += len(data)

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


Make = Callable[[Outlet], Awaitable[Response | None]]


class Streamed(Response):
    """``make`` opens the call, begins and writes; or it returns an answer to send instead. What
    it raises before it began is a problem with its own status."""

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outlet = Outlet(send)
        try:
            instead = await self._make(outlet)
        except VibnError as error:
            if not outlet.begun:
                raise
            raise CutOff(f"{error.code}: {error.message}") from error
        if instead is not None:
            await instead(scope, receive, send)
        else:
            await outlet.end()
