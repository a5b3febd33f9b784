"""What is wrong with a call's arguments: each field, what it takes, what came instead."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from vibn.errors import InvalidInput
from vibn.tools.arguments import EXPLAINED
from vibn.tools.schema import accepted, properties, required

SHOWN = 40
"""Characters of a value, or of a name, that are repeated to the caller."""
MOST = 10
"""Mistakes that are told at once."""


@dataclass(frozen=True, slots=True)
class Mistake:
    field: str
    problem: str
    accepted: str = ""


def refusal(tool: str, schema: Mapping[str, object], mistakes: Sequence[Mistake]) -> InvalidInput:
    told = mistakes[:MOST]
    message = "; ".join(f"{mistake.field}: {mistake.problem}" for mistake in told)
    if len(mistakes) > MOST:
        message += f"; and {len(mistakes) - MOST} more"
    fields = [{"field": m.field, "problem": m.problem, "accepted": m.accepted} for m in told]
    return InvalidInput(
        f"{tool} cannot take these arguments: {message}.",
        hint=_hint(schema),
        detail={"fields": fields},
    )


def _hint(schema: Mapping[str, object]) -> str:
    names = list(properties(schema))
    if not names:
        return "It takes no arguments."
    needed = required(schema)
    shown = [name if name in needed else f"{name} (optional)" for name in names]
    return f"It takes {', '.join(shown)}."


def found_by(error: ValidationError, schema: Mapping[str, object]) -> list[Mistake]:
    """The mistakes that the model's own check found."""
    parts = properties(schema)
    return [
        _mistake(one["type"], one["loc"], one.get("input"), one["msg"], parts)
        for one in error.errors(include_url=False)
    ]


def _mistake(
    kind: str,
    where: tuple[int | str, ...],
    value: object,
    message: str,
    parts: Mapping[str, Mapping[str, object]],
) -> Mistake:
    field = str(where[0]) if where else "arguments"
    part = parts.get(field)
    if part is None:
        return unknown(field, list(parts))
    takes = accepted(part)
    if kind == "missing":
        return Mistake(field, f"is required, {takes}", takes)
    if kind == EXPLAINED:
        return Mistake(field, message, takes)
    if kind == "string_unicode":
        return Mistake(field, "holds half a surrogate pair, which is no Unicode text", takes)
    return Mistake(field, f"must be {takes}, not {given(value)}", takes)


def unknown(field: str, names: Sequence[str]) -> Mistake:
    near = difflib.get_close_matches(field[:SHOWN], names, 1)
    meant = f", maybe {near[0]} is meant" if near else ""
    return Mistake(given_name(field), f"is not an argument of this tool{meant}")


def given_name(name: str) -> str:
    return name if name.isidentifier() and len(name) <= SHOWN else given(name)


def given(value: object) -> str:
    """What came, without repeating what is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 64 else "a number of that size"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        short = len(value) <= SHOWN
        return f"the text {value!a}" if short else f"a text of {len(value)} characters"
    if isinstance(value, Mapping):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, Sequence) else "that"
