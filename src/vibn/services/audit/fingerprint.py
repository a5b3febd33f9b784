"""The fingerprint of a call's arguments: tells whether two calls were alike, and nothing else.

It is a keyed hash of canonical JSON. Its cost is bounded: long texts count by their length and
both ends, and beyond ``NODES`` values or ``BYTES`` of text the rest counts by its number alone. A
value that JSON does not know counts by the name of its type; no code of it is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TypeVar

from vibn.services.audit.keys import seal

T = TypeVar("T")

LONG = 32 << 10
"""A text or bytes of more counts by its length and its first and last half of this."""
BYTES = 128 << 10
"""Characters of text in all."""
NODES = 4096
DEPTH = 24
BIG = 256
"""Bits of an integer; a bigger one counts by its size and its lowest bits."""


def fingerprint(key: bytes, arguments: Mapping[str, object]) -> str:
    """Never raises; blocks for a few milliseconds at most."""
    return seal(key, _dump(_Canon().value(dict(arguments), DEPTH)).encode())


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


class _Canon:
    """One walk. Containers and what is not JSON become lists that begin with a mark, so that no
    text can be taken for them."""

    def __init__(self) -> None:
        self._nodes = NODES
        self._bytes = BYTES

    def value(self, value: object, depth: int) -> object:
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, float):
            return ["float", float.__repr__(value)]
        if isinstance(value, (bytes, bytearray)):
            return ["bytes", self._text(bytes(self._ends(value)).decode("latin-1")), len(value)]
        if depth <= 0:
            return ["deep", type(value).__name__]
        if isinstance(value, (dict, MappingProxyType)):
            return self._mapping(value, depth - 1)
        if isinstance(value, (list, tuple)):
            return ["list", len(value), *(self.value(i, depth - 1) for i in self._taken(value))]
        return ["other", type(value).__name__]

    def _mapping(self, value: Mapping[object, object], depth: int) -> object:
        kept = self._taken(value.items())
        pairs = [(_dump(self.value(name, 0)), self.value(item, depth)) for name, item in kept]
        return ["map", len(value), sorted(pairs, key=lambda pair: pair[0])]

    def _taken(self, items: Iterable[T]) -> list[T]:
        """As many as the budget has; they are paid for before their own parts are looked at."""
        taken = list(islice(items, self._nodes))
        self._nodes -= len(taken)
        return taken

    def _text(self, text: str) -> object:
        size = len(text)
        kept = text if size <= LONG else text[: LONG // 2] + text[-(LONG // 2) :]
        kept = str(kept[: max(0, self._bytes)])
        self._bytes -= len(kept)
        return kept if len(kept) == size else ["long", size, kept]

    def _ends(self, data: bytes | bytearray) -> bytes | bytearray:
        return data if len(data) <= LONG else data[: LONG // 2] + data[-(LONG // 2) :]

    def _integer(self, value: int) -> object:
        if value.bit_length() <= BIG:
            return int(value)
        return ["big", value.bit_length(), value & ((1 << BIG) - 1)]
