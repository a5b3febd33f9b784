"""What stands around every request: addresses that are text, deadlines, and errors nobody expected.

A body whose next piece does not come for ``BODY`` seconds is given up, and so is a client that
takes nothing of its answer for ``STALLED`` seconds: neither can hold a call open for good.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibn.errors import DeadlineExceeded, InvalidInput
from vibn.problem import problem
from vibn.rest.beside import Gone
from vibn.rest.mistakes import internal
from vibn.rest.streamed import CutOff

log = logging.getLogger(__name__)

BODY = 60.0
STALLED = 300.0


class Edge:
    def __init__(self, app: ASGIApp, body: float = BODY, stalled: float = STALLED) -> None:
        self._app = app
        self._body = body
        self._stalled = stalled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._body, self._stalled)
        if not _is_text(scope):
            refusal = InvalidInput("The address is not valid UTF-8.", hint="Percent-encode UTF-8.")
            await problem(refusal)(scope, exchange.receive, exchange.send)
            return
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except (Gone, ClientDisconnect):
            log.debug("the client left")
        except CutOff as error:
            log.info("an answer was cut off: %s", error)
        except Exception:
            log.exception("a request ended in an error that nobody expected")
            if not exchange.begun:
                await problem(internal())(scope, exchange.receive, exchange.send)


def _is_text(scope: Scope) -> bool:
    """A server replaces what it cannot decode: another name than the caller meant."""
    try:
        for part in (scope.get("raw_path") or b"", scope.get("query_string") or b""):
            unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return False
    return True


class _Exchange:
    def __init__(self, receive: Receive, send: Send, body: float, stalled: float) -> None:
        self._receive = receive
        self._send = send
        self._body: float | None = body
        self._stalled = stalled
        self.begun = False

    async def receive(self) -> Message:
        """Raises DeadlineExceeded while the body is not complete."""
        try:
            async with asyncio.timeout(self._body):
                message = await self._receive()
        except TimeoutError:
            raise DeadlineExceeded(
                f"The next piece of the body did not come within {self._body:g} seconds."
            ) from None
        if not message.get("more_body", False):
            self._body = None
        return message

    async def send(self, message: Message) -> None:
        """Raises Gone for a client that takes nothing any more."""
        self.begun = True
        try:
            async with asyncio.timeout(self._stalled):
                await self._send(message)
        except TimeoutError:
            raise Gone from None
