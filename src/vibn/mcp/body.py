"""The body of a request: read once, within bounds, and given on as it came."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from vibn.errors import DeadlineExceeded, TooLarge

DEADLINE = 60.0
"""Seconds in which it must have come."""


class Gone(Exception):
    """The client left before it had sent all."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """At most ``limit`` bytes. Raises TooLarge, DeadlineExceeded, Gone."""
    parts = bytearray()
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Gone
                parts += message.get("body", b"")
                if len(parts) > limit:
                    raise _too_large(limit)
                if not message.get("more_body", False):
                    return bytes(parts)
    except TimeoutError:
        raise DeadlineExceeded(
            f"The body of the request did not come within {DEADLINE:g} seconds."
        ) from None


def check_length(header: str | None, limit: int) -> None:
    """Refuse by what a request announces, before any of it is read. Raises TooLarge."""
    if header and header.isascii() and header.isdigit() and int(header[:20]) > limit:
        raise _too_large(limit)


def replayed(body: bytes, receive: Receive) -> Receive:
    """``receive`` for the next application: the whole body, then what else comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def following() -> Message:
        return first.pop() if first else await receive()

    return following


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"A request has at most {limit} bytes.",
        hint="Send large files by PUT to /api/v1/projects/{project}/files/{path}.",
    )
