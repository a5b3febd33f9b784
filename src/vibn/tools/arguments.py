"""The kinds of arguments that tools take: typed, and lenient on how models write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

EXPLAINED = "explained"
"""The type of a mistake whose message says all by itself."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Arguments(BaseModel):
    """What one call passes to a tool. Nothing else is taken; ``"5"`` passes for 5 and ``"true"``
    for true, and whoever fills it leaves out what was null."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _is_unicode(cls, value: object) -> object:
        """JSON can hold half a surrogate pair, which no file, command or database takes."""
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not text.isascii():
                _encoded(text)
        return value


class NoArguments(Arguments):
    """Of a tool that takes none."""


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise explained("holds half a surrogate pair, which is no Unicode text") from None


def explained(message: str) -> PydanticCustomError:
    """A mistake in words of ours. They never hold what was given."""
    return PydanticCustomError(EXPLAINED, "{message}", {"message": message})


def _no_truth(value: object) -> object:
    """A truth value is no number, although Python has it as one."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "not a number")
    return value


def _listed(value: object) -> object:
    """``{"NAME": "value"}`` as the list of ``NAME=value`` that is published."""
    if not isinstance(value, Mapping):
        return value
    return tuple(f"{name}={_text(item)}" for name, item in value.items() if item is not None)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise explained("each value must be a text")


def _named(pairs: Sequence[str]) -> Sequence[str]:
    for number, pair in enumerate(pairs, 1):
        name, equals, value = pair.partition("=")
        if not equals:
            raise explained(f"item {number} must be NAME=value, with an equals sign")
        if not _NAME.fullmatch(name):
            raise explained(f"item {number} must begin with a name of letters, digits and _")
        if "\0" in value:
            raise explained(f"the value of {name} holds a NUL character")
    return pairs


Whole = Annotated[int, BeforeValidator(_no_truth)]
Environment = Annotated[
    tuple[str, ...],
    Field(max_length=200),
    BeforeValidator(_listed),
    AfterValidator(_named),
    Field(
        description='Environment variables for this command, each as NAME=value, such as "CI=1".',
    ),
]
"""An object with free names is what the vendors' schemas agree on least, so the published
spelling is a list; the object is taken too."""


def variables(pairs: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
