"""What REST says of requests that it cannot understand, and of what nobody expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from vibn.errors import InvalidInput, VibnError

MOST_FIELDS = 20
LONGEST = 200


class Internal(VibnError):
    """Said of what nobody expected; what it was stands in the server's log alone."""

    default_hint = "It was noted with the id of this request; tell it to whoever runs the server."


def internal() -> Internal:
    return Internal("Something went wrong inside the server.")


def invalid(error: RequestValidationError, content_type: str) -> InvalidInput:
    """Names each wrong field, never what it held: that may be a secret."""
    found = error.errors()
    kind = content_type.partition(";")[0].strip().lower()
    whole = any(tuple(one["loc"]) == ("body",) for one in found)
    if whole and kind != "application/json" and not kind.endswith("+json"):
        return InvalidInput(
            "The body is not said to be JSON.", hint="Send it with Content-Type: application/json."
        )
    return invalid_fields(found)


def invalid_fields(found: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """From pydantic's own words."""
    if any(one["type"] == "json_invalid" for one in found):
        return malformed()
    return refused([(_place(one["loc"]), _words(one)) for one in found])


def malformed() -> InvalidInput:
    return InvalidInput("The body is not valid JSON.", hint="Check it with a JSON parser.")


def refused(fields: Sequence[tuple[str, str]]) -> InvalidInput:
    """``fields`` are places such as ``query.limit`` with what is wrong there."""
    shown = [(place[:LONGEST], words[:LONGEST]) for place, words in fields[:MOST_FIELDS]]
    return InvalidInput(
        "; ".join(f"{place}: {words}" for place, words in shown) + ".",
        hint="/api/v1/openapi.json tells what each address takes.",
        detail={"fields": [{"field": place, "message": words} for place, words in shown]},
    )


def _place(loc: Iterable[Any]) -> str:
    return ".".join(str(part) for part in loc)


_OURS = {"missing": "it is missing", "extra_forbidden": "there is no such field"}


def _words(one: Mapping[str, Any]) -> str:
    words = _OURS.get(one["type"]) or str(one["msg"])
    words = words.removeprefix("Value error, ").removeprefix("Input ")
    return words.rstrip(".")
