"""The server that commands talk to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibn.client import Client, Sandbox


@contextmanager
def connected() -> Iterator[Client]:
    """By ``VIBN_URL``, ``VIBN_TOKEN`` and ``VIBN_ADMIN_SECRET``, or the profile."""
    from vibn.client import Client

    with Client() as client:
        yield client


@contextmanager
def inside(project: str) -> Iterator[Sandbox]:
    with connected() as client:
        yield client.sandbox(project)


def own_workspace(client: Client, asked: str | None) -> str:
    """The one that was asked for, else that of the token."""
    return asked or client.me().workspace


@contextmanager
def quick() -> Iterator[Client]:
    """As ``connected``, for at most a second. Raises TimeoutError."""
    previous = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with connected() as client:
            yield client
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _late(*_: object) -> None:
    raise TimeoutError
