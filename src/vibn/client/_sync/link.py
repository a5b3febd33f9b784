# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/link.py.
"""The way to one server: calls with a deadline and their retries, streams, sockets."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx2

from vibn.client.clock import Deadline
from vibn.client.decode import misfit
from vibn.client.endpoint import Endpoint
from vibn.client.problem import MOST, problem, translated
from vibn.client.request import API, STARTING, Request, parameters
from vibn.client.retry import pause
from vibn.client.sse import Event, Events
from vibn.client.wires.blocking import (
    Socket,
    Wire,
    http_over,
    wire_to,
)
from vibn.errors import VibnError

LARGEST = 64 << 20
"""Bytes of one JSON answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``size`` are the bytes to come, where the server tells it."""

    status: int
    size: int | None
    pieces: Iterator[bytes]


class Link:
    """``wire`` None: over the network, or to the fake that a ``memory:`` address names."""

    def __init__(self, endpoint: Endpoint, wire: Wire | None = None) -> None:
        self.endpoint = endpoint
        self._wire = wire or wire_to(endpoint.url)
        self._http = http_over(endpoint.url, self._wire)

    def close(self) -> None:
        self._http.close()

    def rest(self, seconds: float) -> None:
        self._wire.sleep(seconds)

    def call(self, request: Request) -> object:
        """The answer's JSON, None when there is none. Raises the error that the server told,
        ServerUnreachable, DeadlineExceeded; what may be repeated was tried again first."""
        clock = Deadline(request.deadline, self.endpoint.url)
        failed = 0
        while True:
            try:
                return self._once(request, clock)
            except VibnError as error:
                failed += 1
                wait = pause(request, error, failed, clock.left(), random.random())
                if wait is None:
                    raise
            self._wire.sleep(wait)

    def _once(self, request: Request, clock: Deadline) -> object:
        body = bytearray()
        with self._answering(request, clock, None) as response:
            for piece in response.iter_bytes():
                body += piece
                clock.check()
                if len(body) > LARGEST:
                    raise misfit(f"it is larger than {LARGEST} bytes")
        return _parsed(bytes(body))

    def send(self, request: Request, content: Iterable[bytes]) -> object:
        """As ``call``, with a body that is read while it is sent, so never twice."""
        clock = Deadline(request.deadline, self.endpoint.url)
        with self._answering(request, clock, content) as response:
            return _parsed(response.read())

    @contextmanager
    def open(self, request: Request) -> Iterator[Answer]:
        """The answer while it comes. It is not tried again."""
        clock = Deadline(request.deadline, self.endpoint.url)
        with self._answering(request, clock, None) as response:
            length = response.headers.get("content-length", "")
            size = int(length) if length.isdecimal() else None
            yield Answer(response.status_code, size, self._pieces(response, clock))

    @contextmanager
    def events(self, request: Request) -> Iterator[Iterator[Event]]:
        """The answer's server-sent events as they come."""
        accept = {"Accept": "text/event-stream"}
        with self.open(replace(request, headers=accept)) as answer:
            yield _events(answer.pieces)

    def socket(self, path: str) -> Socket:
        """A socket at ``path``. Raises as ``call`` does."""
        address = f"{self.endpoint.url}{API}{path}"
        return self._wire.connect(address, self.endpoint.credential(False), STARTING)

    @contextmanager
    def _answering(
        self, request: Request, clock: Deadline, content: Iterable[bytes] | None
    ) -> Iterator[httpx2.Response]:
        """The response once its status is good."""
        url = self.endpoint.url
        credential = self.endpoint.credential(request.admin)
        with (
            translated(url),
            self._http.stream(
                request.method,
                f"{url}{request.prefix}{request.path}",
                params=parameters(request.query),
                headers={**request.headers, "Authorization": f"Bearer {credential}"},
                json=request.body,
                content=request.content if content is None else content,
                timeout=clock.timeout(request.silence),
                follow_redirects=False,
            ) as response,
        ):
            if response.status_code >= 300 and response.status_code not in request.also:
                body = _beginning(response)
                raise problem(response.status_code, response.headers, body, url)
            yield response

    def _pieces(self, response: httpx2.Response, clock: Deadline) -> Iterator[bytes]:
        with translated(self.endpoint.url):
            for piece in response.iter_bytes():
                clock.check()
                yield piece


def _events(pieces: Iterator[bytes]) -> Iterator[Event]:
    events = Events()
    for piece in pieces:
        yield from events.feed(piece)


def _beginning(response: httpx2.Response) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MOST:
            break
    return bytes(body)


def _parsed(body: bytes) -> object:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        raise misfit("it is not JSON") from None
