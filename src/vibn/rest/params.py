"""The types of what requests carry: in addresses, queries and bodies.

Numbers and truth values of a query are spelt in one way only, and JSON values are of the type that
is asked for: ``"1"`` is no number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vibn.services.projects import SLUG_LENGTH, check_slug

LONGEST_PATH = 4096
"""Bytes, as Linux has it."""
_WITHIN = r"^(?!/(?!workspace(/|$)))(?!(.*/)?\.\.(/|$))[^\x00]+$"
SLUG_SCHEMA: dict[str, Any] = {
    "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
    "maxLength": SLUG_LENGTH,
}


class Body(BaseModel):
    """A JSON body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _spelt(pattern: str, words: str) -> Callable[[object], object]:
    spelling = re.compile(pattern, re.ASCII)

    def check(value: object) -> object:
        if isinstance(value, str) and not spelling.fullmatch(value):
            raise ValueError(words)
        return value

    return check


_whole = BeforeValidator(_spelt("-?(0|[1-9][0-9]{0,17})", "should be a whole number"))
_truth = BeforeValidator(_spelt("true|false", "should be true or false"))


def _whole_number(value: object) -> object:
    """To JSON, 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = BeforeValidator(_whole_number)

Flag = Annotated[bool, _truth]
Depth = Annotated[int, Field(ge=1, le=100), _whole]
Count = Annotated[int, Field(ge=1, le=1000), _whole]
Entries = Annotated[int, Field(ge=1, le=10_000), _whole]
Strip = Annotated[int, Field(ge=0, le=100), _whole]
Offset = Annotated[int, Field(ge=-(1 << 53), le=1 << 53), _whole]
Size = Annotated[int, Field(ge=1, le=1 << 20), _whole]
WaitMs = Annotated[int, Field(ge=0, le=60_000), _whole]


def not_both(one: str, other: str) -> dict[str, Any]:
    """A schema that refuses these two fields together."""
    given = {"type": "string"}
    return {"not": {"required": [one, other], "properties": {one: given, other: given}}}


def path_schema(description: str) -> dict[str, Any]:
    """Told, not checked: the box itself says where a path leads, links and all."""
    return {"pattern": _WITHIN, "minLength": 1, "description": description}


def _slug(value: object) -> object:
    return check_slug(value) if isinstance(value, str) else value


Slug = Annotated[str, Field(json_schema_extra={**SLUG_SCHEMA}), BeforeValidator(_slug)]
ProjectSlug = Annotated[str, Path(json_schema_extra={**SLUG_SCHEMA}), BeforeValidator(_slug)]
WorkspaceSlug = Annotated[str, Path(json_schema_extra={**SLUG_SCHEMA}), BeforeValidator(_slug)]
BoxPath = Annotated[str, Field(json_schema_extra=path_schema("Beneath /workspace."))]
