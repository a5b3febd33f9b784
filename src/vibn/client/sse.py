"""Server-sent events, from bytes as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from vibn.client.decode import misfit

MOST = 8 << 20
"""Bytes of one event: the server's pieces of output are far smaller."""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: object
    """Parsed JSON."""


class Events:
    """Feed it bytes, get the events that are complete. Comments, ids and retry times are passed
    over. Raises ProtocolViolation for data that is not JSON, or longer than we keep."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        if len(rest) > MOST:
            raise misfit("an event without an end")
        self._rest = bytearray(rest)
        for line in lines:
            yield from self._line(line.removesuffix(b"\r").decode(errors="replace"))

    def _line(self, line: str) -> Iterator[Event]:
        if not line:
            if self._data:
                yield Event(self._name or "message", _parsed("\n".join(self._data)))
            self._name, self._data = "", []
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise misfit("an event that is not JSON") from None
