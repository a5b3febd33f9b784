"""Which fake a ``memory:`` address means, in this process."""

from __future__ import annotations

import weakref
from typing import Protocol

from vibn.client.problem import unreachable
from vibn.client.wires.asynchronous import AsyncWire
from vibn.client.wires.blocking import Wire


class Fake(Protocol):
    def wire(self) -> Wire: ...

    def async_wire(self) -> AsyncWire: ...


_FAKES: weakref.WeakValueDictionary[str, Fake] = weakref.WeakValueDictionary()


def register(url: str, fake: Fake) -> None:
    _FAKES[url] = fake


def find(url: str) -> Fake:
    """Raises ServerUnreachable once it is gone."""
    fake = _FAKES.get(url)
    if fake is None:
        raise unreachable(url, "there is no such fake in this process")
    return fake
