"""The body of a request: read once, within bounds, and given on as it came."""

from __future__ import annotations

import asyncio
import json

from starlette.types import Message, Receive

from vibn.errors import DeadlineExceeded, TooLarge

DEADLINE = 60.0
"""Seconds in which it must have come."""


SHORT = 64 << 10
"""Bytes of a body that is read before anybody is asked whose it is."""


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


def is_short(header: str | None) -> bool:
    """Whether a request announces a body of at most ``SHORT`` bytes."""
    return (
        header is not None and header.isascii() and header.isdigit() and int(header[:20]) <= SHORT
    )


def project_in(body: bytes) -> str | None:
    """The project that a call of a tool names in its arguments, where that can be seen."""
    if b'"project"' not in body:
        return None
    try:
        found = json.loads(body)["params"]["arguments"]["project"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


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
