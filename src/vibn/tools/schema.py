"""The schema of a tool's arguments, in the subset that all vendors take.

The root is an object without alternatives; there are no references, no nullable types (optional
means absent) and no objects with free names. Defaults stand in the descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache

from vibn.tools.arguments import Arguments

PROJECT: Mapping[str, object] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 40,
    "description": "Slug of the project to work in, as projects_list shows it.",
}
_NOT_PORTABLE = ("title", "default")


def portable(arguments: type[Arguments], project: bool) -> dict[str, object]:
    """A fresh schema. With ``project`` it has that first, required argument."""
    return deepcopy(_portable(arguments, project))


@cache
def _portable(arguments: type[Arguments], project: bool) -> dict[str, object]:
    found = arguments.model_json_schema()
    first = {"project": dict(PROJECT)} if project else {}
    own = {name: _without_extras(part) for name, part in found.get("properties", {}).items()}
    schema: dict[str, object] = {"type": "object", "properties": {**first, **own}}
    if required := [*first, *found.get("required", [])]:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def _without_extras(part: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_extras(value) if isinstance(value, Mapping) else value
        for key, value in part.items()
        if key not in _NOT_PORTABLE
    }


def properties(schema: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    found = schema["properties"]
    assert isinstance(found, Mapping)
    return found


def required(schema: Mapping[str, object]) -> list[str]:
    found = schema.get("required", [])
    assert isinstance(found, list)
    return found


def accepted(part: Mapping[str, object]) -> str:
    """What a property takes, for a person or a model."""
    kind = part.get("type")
    if values := part.get("enum"):
        assert isinstance(values, list)
        return "one of " + ", ".join(map(str, values))
    if kind == "integer" or kind == "number":
        return ("an integer" if kind == "integer" else "a number") + _between(part)
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        most = f" (at most {part['maxItems']})" if "maxItems" in part else ""
        return f"a list of texts{most}"
    shape = f" that matches {part['pattern']}" if "pattern" in part else ""
    return "a text" + _long(part) + shape


def _between(part: Mapping[str, object]) -> str:
    least, most = part.get("minimum"), part.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return "" if least is None else f" of at least {least}"


def _long(part: Mapping[str, object]) -> str:
    least, most = part.get("minLength"), part.get("maxLength")
    if most is not None:
        return f" of {least or 0} to {most} characters"
    return " that is not empty" if least else ""
