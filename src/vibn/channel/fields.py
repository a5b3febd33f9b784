"""Reading one field of what a box sent: typed and bounded, or ProtocolViolation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from vibn.errors import ProtocolViolation

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Fields = Mapping[str, object]
"""A JSON object of a box. Nothing of it is known yet."""

MAX_INT = 1 << 62
MAX_TEXT = 256 * 1024
MAX_ITEMS = 100_000


def wrong(key: str, value: object) -> ProtocolViolation:
    """The error for a field of the wrong shape. The value itself is not repeated."""
    return ProtocolViolation(f"The agent sent a wrong {key!r} ({type(value).__name__}).")


def integer(fields: Fields, key: str, low: int = 0, high: int = MAX_INT) -> int:
    value = fields.get(key)
    if type(value) is not int or not low <= value <= high:
        raise wrong(key, value)
    return value


def optional_integer(fields: Fields, key: str, low: int = 0, high: int = MAX_INT) -> int | None:
    return None if fields.get(key) is None else integer(fields, key, low, high)


def number(fields: Fields, key: str, low: float = 0.0, high: float = float(MAX_INT)) -> float:
    """A finite number as float: a NaN is within no bounds."""
    value = fields.get(key)
    kind = type(value)
    if (kind is int or kind is float) and low <= value <= high:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise wrong(key, value)


def optional_number(
    fields: Fields, key: str, low: float = 0.0, high: float = float(MAX_INT)
) -> float | None:
    return None if fields.get(key) is None else number(fields, key, low, high)


def flag(fields: Fields, key: str) -> bool:
    value = fields.get(key)
    if value is True or value is False:
        return value
    raise wrong(key, value)


def clean(text: str) -> str:
    """``text`` that any encoder takes: a lone surrogate (a file name that is not UTF-8) becomes
    U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shown(text: str) -> str:
    """``text`` for a line of a log or a terminal: what is not printable, such as a line break, an
    escape or a change of direction, is written as Python would escape it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def text(fields: Fields, key: str, most: int = MAX_TEXT) -> str:
    value = fields.get(key)
    if type(value) is str and len(value) <= most:
        return clean(value)
    raise wrong(key, value)


def optional_text(fields: Fields, key: str, most: int = MAX_TEXT) -> str | None:
    return None if fields.get(key) is None else text(fields, key, most)


def choice(fields: Fields, key: str, kind: type[E]) -> E:
    value = fields.get(key)
    if type(value) is str:
        try:
            return kind(value)
        except ValueError:
            pass
    raise wrong(key, value)


def group(fields: Fields, key: str) -> Fields:
    """The object at ``key``."""
    value = fields.get(key)
    if type(value) is not dict:
        raise wrong(key, value)
    return value


def objects(
    fields: Fields, key: str, build: Callable[[Fields], T], most: int = MAX_ITEMS
) -> tuple[T, ...]:
    """A list of objects, each built by ``build``."""
    value = fields.get(key)
    if type(value) is not list or len(value) > most:
        raise wrong(key, value)
    for item in value:
        if type(item) is not dict:
            raise wrong(key, item)
    return tuple(map(build, value))


def texts(fields: Fields, key: str, most: int = MAX_ITEMS) -> tuple[str, ...]:
    value = fields.get(key)
    if type(value) is not list or len(value) > most:
        raise wrong(key, value)
    for item in value:
        if type(item) is not str:
            raise wrong(key, item)
    return tuple(map(clean, value))


def integers(fields: Fields, key: str, most: int = MAX_ITEMS) -> tuple[int, ...]:
    value = fields.get(key)
    if type(value) is not list or len(value) > most:
        raise wrong(key, value)
    for item in value:
        if type(item) is not int or not 0 <= item <= MAX_INT:
            raise wrong(key, item)
    return tuple(value)
