"""The wire of the async client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

import httpx2

from vibn.client.problem import broken, late, unreachable
from vibn.client.wires.addresses import LARGEST, is_local, refusal, socket_url, trust

T = TypeVar("T")

AsyncOnText = Callable[[str], Awaitable[None] | None]
"""Hears text; may be an async function."""
AsyncOnProgress = Callable[[int, int | None], Awaitable[None] | None]
"""Hears how many bytes went, and of how many, when that is known."""


class AsyncSocket(Protocol):
    """The messages of one running command."""

    async def send(self, message: str | bytes) -> None:
        """Raises ServerUnreachable when the other end is gone."""

    async def receive(self, seconds: float | None) -> str | bytes | None:
        """The next message; None when the other end closed as it should. Raises
        DeadlineExceeded after ``seconds``, ServerUnreachable when the connection broke."""

    async def close(self) -> None: ...


class AsyncWire(Protocol):
    @property
    def transport(self) -> httpx2.AsyncBaseTransport | None: ...

    async def connect(self, address: str, token: str, seconds: float) -> AsyncSocket:
        """Raises what the server answers, ServerUnreachable, DeadlineExceeded."""

    async def sleep(self, seconds: float) -> None: ...


class AsyncNetwork:
    """The wire to a server over the network."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.transport: httpx2.AsyncBaseTransport | None = None

    async def connect(self, address: str, token: str, seconds: float) -> AsyncSocket:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus, WebSocketException

        class Direct(connect):
            """Redirects are not followed."""

            def process_redirect(self, exc: Exception) -> Exception | str:
                return exc

        try:
            opened = await Direct(
                socket_url(address),
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                max_size=LARGEST,
                open_timeout=seconds,
                close_timeout=3,
                proxy=None if is_local(address) else True,
            )
        except InvalidStatus as error:
            raise refusal(error, self._url) from error
        except TimeoutError as error:
            raise late(self._url) from error
        except (OSError, WebSocketException) as error:
            raise unreachable(self._url, str(error)) from error
        return _Opened(opened, self._url)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Opened:
    def __init__(self, connection: object, url: str) -> None:
        from websockets.asyncio.client import ClientConnection

        assert isinstance(connection, ClientConnection)
        self._connection = connection
        self._url = url

    async def send(self, message: str | bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise broken(self._url) from error

    async def receive(self, seconds: float | None) -> str | bytes | None:
        from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

        try:
            async with asyncio.timeout(seconds):
                return await self._connection.recv()
        except ConnectionClosedOK:
            return None
        except ConnectionClosedError as error:
            raise broken(self._url) from error
        except TimeoutError as error:
            raise late(self._url) from error

    async def close(self) -> None:
        await self._connection.close()


def async_wire_to(url: str) -> AsyncWire:
    if url.startswith("memory:"):
        from vibn.client.testing.registry import find

        return find(url).async_wire()
    return AsyncNetwork(url)


def async_http_over(url: str, wire: AsyncWire) -> httpx2.AsyncClient:
    """An HTTP client that follows no redirect and keeps no cookie of a box."""
    return httpx2.AsyncClient(
        transport=wire.transport, verify=trust(url), trust_env=not is_local(url)
    )


async def async_tell(hears: Callable[..., Awaitable[None] | None], *what: object) -> None:
    answer = hears(*what)
    if inspect.isawaitable(answer):
        await answer


async def async_pieces_of(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """``pieces`` that are read from local files, without holding up the loop."""
    iterator = iter(pieces)
    while (piece := await asyncio.to_thread(next, iterator, None)) is not None:
        yield piece


async def async_aside(work: Callable[..., T], *arguments: object) -> T:
    """Work on local files, without holding up the loop."""
    return await asyncio.to_thread(work, *arguments)
