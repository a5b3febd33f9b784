"""From the server's JSON to the frozen values, by the types of their fields.

What a value does not know is passed over, what it has a default for may be missing; anything else
that does not fit is a ProtocolViolation, which names the field.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vibn.errors import ProtocolViolation

T = TypeVar("T")


class Misfit(Exception):
    """``data`` is not what the type says; ``path`` leads to it."""

    def __init__(self, path: str, wanted: object) -> None:
        super().__init__(path)
        self.path = path
        self.wanted = wanted


def misfit(what: str) -> ProtocolViolation:
    return ProtocolViolation(
        f"The server's answer is not one that this client knows: {what}.",
        hint="Check that VIBN_URL leads to a Vibn server, of the same version as this client.",
    )


def decode(cls: type[T], data: object) -> T:
    """``data``, parsed JSON, as a ``cls``. Raises ProtocolViolation."""
    try:
        value = _fit(cls, data, cls.__name__)
    except Misfit as wrong:
        raise misfit(f"{wrong.path} should be {_name(wrong.wanted)}") from None
    assert isinstance(value, cls)
    return value


def items(cls: type[T], data: object, key: str) -> tuple[T, ...]:
    """The list at ``key`` of the object ``data``. Raises ProtocolViolation."""
    found = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(found, list):
        raise misfit(f"there is no list {key!r} in it")
    return tuple(decode(cls, one) for one in found)


def member(data: object, key: str) -> object:
    """What the object ``data`` has at ``key``. Raises ProtocolViolation."""
    if not isinstance(data, Mapping) or key not in data:
        raise misfit(f"there is no {key!r} in it")
    return data[key]


def blob(data: object, key: str = "base64") -> bytes:
    """The bytes that the object ``data`` holds as base64. Raises ProtocolViolation."""
    text = member(data, key)
    try:
        return base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except (ValueError, binascii.Error):
        raise misfit(f"{key!r} is not base64") from None


@cache
def _fields(cls: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    )


def _fit(kind: Any, data: object, path: str) -> object:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), data, path)
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise Misfit(path, list)
        return tuple(_fit(get_args(kind)[0], one, f"{path}[{n}]") for n, one in enumerate(data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise Misfit(path, dict)
        return {str(k): _fit(get_args(kind)[1], v, f"{path}.{k}") for k, v in data.items()}
    if origin is Literal:
        if data not in get_args(kind):
            raise Misfit(path, kind)
        return data
    return _plain(kind, data, path)


def _one_of(kinds: tuple[Any, ...], data: object, path: str) -> object:
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _fit(kind, data, path)
        except Misfit as wrong:
            last = wrong
    raise last


def _plain(kind: Any, data: object, path: str) -> object:
    if kind is object:
        return data
    if dataclasses.is_dataclass(kind):
        return _value(kind, data, path)
    if kind is datetime:
        return _time(data, path)
    if issubclass(kind, Enum):
        return _member_of(kind, data, path)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise Misfit(path, kind)
    return data


def _value(cls: Any, data: object, path: str) -> object:
    if not isinstance(data, Mapping):
        raise Misfit(path, dict)
    found: dict[str, object] = {}
    for name, kind, required in _fields(cls):
        if name in data:
            found[name] = _fit(kind, data[name], f"{path}.{name}")
        elif required:
            raise Misfit(f"{path}.{name}", kind)
    return cls(**found)


def _time(data: object, path: str) -> datetime:
    """ISO 8601, or seconds since the epoch."""
    try:
        if isinstance(data, str):
            at = datetime.fromisoformat(data)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(data, int | float) and not isinstance(data, bool):
            return datetime.fromtimestamp(data, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Misfit(path, datetime)


def _member_of(kind: type[Enum], data: object, path: str) -> Enum:
    try:
        return kind(data)
    except ValueError:
        raise Misfit(path, kind) from None


def _name(wanted: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", int: "a whole number"}
    names |= {float: "a number", bool: "true or false", datetime: "a time"}
    if isinstance(wanted, type):
        return names.get(wanted, wanted.__name__)
    return str(wanted)
