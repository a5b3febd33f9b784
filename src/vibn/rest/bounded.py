"""A request whose body was read, within bounds, before anything is made of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Message, Receive

from vibn.errors import TooLarge
from vibn.rest.visit import length_of


async def bounded(request: Request, limit: int) -> Request:
    """The same request with its body at hand. Raises TooLarge, by what it announces before any of
    it is read, and ClientDisconnect."""
    if length_of(request) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > limit:
            raise _too_large(limit)
    return Request(request.scope, _replayed(bytes(body), request.receive))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"A JSON body has at most {limit} bytes.",
        hint="Send large files by PUT to /api/v1/projects/{project}/files/{path}.",
    )


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The whole body, then what else comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def following() -> Message:
        return first.pop() if first else await receive()

    return following
