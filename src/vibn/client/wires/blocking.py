"""The wire of the blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import httpx2

from vibn.client.problem import broken, late, unreachable
from vibn.client.wires.addresses import LARGEST, is_local, refusal, socket_url, trust

T = TypeVar("T")

OnText = Callable[[str], None]
"""Hears text."""
OnProgress = Callable[[int, int | None], None]
"""Hears how many bytes went, and of how many, when that is known."""


class Socket(Protocol):
    """The messages of one running command."""

    def send(self, message: str | bytes) -> None:
        """Raises ServerUnreachable when the other end is gone."""

    def receive(self, seconds: float | None) -> str | bytes | None:
        """The next message; None when the other end closed as it should. Raises
        DeadlineExceeded after ``seconds``, ServerUnreachable when the connection broke."""

    def close(self) -> None: ...


class Wire(Protocol):
    @property
    def transport(self) -> httpx2.BaseTransport | None: ...

    def connect(self, address: str, token: str, seconds: float) -> Socket:
        """Raises what the server answers, ServerUnreachable, DeadlineExceeded."""

    def sleep(self, seconds: float) -> None: ...


class Network:
    """The wire to a server over the network."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.transport: httpx2.BaseTransport | None = None

    def connect(self, address: str, token: str, seconds: float) -> Socket:
        from websockets.exceptions import InvalidStatus, WebSocketException
        from websockets.sync.client import reconnect

        class Direct(reconnect):
            """Redirects are not followed."""

            def process_redirect(self, exc: Exception) -> Exception | str:
                return exc

        try:
            opened = Direct(
                socket_url(address),
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                max_size=LARGEST,
                open_timeout=seconds,
                close_timeout=3,
                proxy=None if is_local(address) else True,
            ).connect()
        except InvalidStatus as error:
            raise refusal(error, self._url) from error
        except TimeoutError as error:
            raise late(self._url) from error
        except (OSError, WebSocketException) as error:
            raise unreachable(self._url, str(error)) from error
        return _Opened(opened, self._url)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Opened:
    def __init__(self, connection: object, url: str) -> None:
        from websockets.sync.client import ClientConnection

        assert isinstance(connection, ClientConnection)
        connection.pending_legacy_warning = False
        self._connection = connection
        self._url = url

    def send(self, message: str | bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(message)
        except ConnectionClosed as error:
            raise broken(self._url) from error

    def receive(self, seconds: float | None) -> str | bytes | None:
        from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

        try:
            return self._connection.recv(seconds)
        except ConnectionClosedOK:
            return None
        except ConnectionClosedError as error:
            raise broken(self._url) from error
        except TimeoutError as error:
            raise late(self._url) from error

    def close(self) -> None:
        self._connection.close()


def wire_to(url: str) -> Wire:
    if url.startswith("memory:"):
        from vibn.client.testing.registry import find

        return find(url).wire()
    return Network(url)


def http_over(url: str, wire: Wire) -> httpx2.Client:
    """An HTTP client that follows no redirect and keeps no cookie of a box."""
    return httpx2.Client(transport=wire.transport, verify=trust(url), trust_env=not is_local(url))


def tell(hears: Callable[..., None], *what: object) -> None:
    hears(*what)


def pieces_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """``pieces`` that are read from local files."""
    yield from pieces


def aside(work: Callable[..., T], *arguments: object) -> T:
    """Work on local files."""
    return work(*arguments)
