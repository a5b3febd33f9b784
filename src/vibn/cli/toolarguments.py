"""Options of a tool, made of its schema: `--file-path x` is the argument `file_path`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vibn.errors import InvalidInput

if TYPE_CHECKING:
    from vibn.client.values import Tool

Schema = Mapping[str, Any]


def object_in(text: str) -> dict[str, object]:
    """Raises InvalidInput for what is no JSON object."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f"--arguments is not JSON: {error}.", hint="Quote it for the shell."
        ) from None
    if not isinstance(found, dict):
        raise InvalidInput("--arguments is not a JSON object.", hint='As: \'{"path": "."}\'')
    return found


def parsed(tool: Tool, words: Sequence[str]) -> dict[str, object]:
    """The arguments that the options ``words`` give. Raises InvalidInput that names the options
    there are."""
    schemas = _properties(tool)
    found: dict[str, object] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        argument, negated = _argument(tool, name, schemas)
        schema = schemas[argument]
        if schema.get("type") == "boolean" and not equals:
            found[argument] = not negated
            continue
        if not equals:
            if not rest:
                raise InvalidInput(f"{name} needs a value.", hint=f"`{_call(tool)} --help`")
            value = rest.pop(0)
        _put(found, argument, schema, value)
    return found


def help_of(tool: Tool) -> str:
    required = tool.input_schema.get("required")
    needed = required if isinstance(required, list) else []
    lines = [f"Usage: {_call(tool)} [OPTIONS]", ""]
    lines += textwrap.wrap(tool.description, 98, initial_indent="  ", subsequent_indent="  ")
    lines += ["", "Options:"]
    for name, schema in _properties(tool).items():
        label = f"  {_option(name)} {_takes(schema)}".rstrip()
        lines.append(label + ("  (required)" if name in needed else ""))
        about = str(schema.get("description", ""))
        lines += textwrap.wrap(about, 92, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def _properties(tool: Tool) -> Mapping[str, Schema]:
    found = tool.input_schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _argument(tool: Tool, option: str, schemas: Mapping[str, Schema]) -> tuple[str, bool]:
    """The argument's name, and whether it was negated. Raises InvalidInput."""
    name = option.removeprefix("--").replace("-", "_")
    if option.startswith("--") and name in schemas:
        return name, False
    if option.startswith("--no-") and schemas.get(name[3:], {}).get("type") == "boolean":
        return name[3:], True
    options = ", ".join(_option(known) for known in schemas) or "none"
    raise InvalidInput(f"{tool.name} has no option {option}.", hint=f"It has {options}.")


def _put(found: dict[str, object], name: str, schema: Schema, value: str) -> None:
    if schema.get("type") == "array" and not value.lstrip().startswith("["):
        kept = found.setdefault(name, [])
        assert isinstance(kept, list)
        kept.append(value)
    elif schema.get("type") in ("integer", "number", "boolean", "array", "object"):
        try:
            found[name] = json.loads(value)
        except ValueError:
            kind = schema["type"]
            raise InvalidInput(f"{_option(name)} takes {kind}, not {value!r}.") from None
    else:
        found[name] = value


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _takes(schema: Schema) -> str:
    if schema.get("type") == "boolean":
        return ""
    if "enum" in schema:
        return "|".join(str(value) for value in schema["enum"])
    return {"array": "TEXT..."}.get(str(schema.get("type")), str(schema.get("type", "")).upper())


def _call(tool: Tool) -> str:
    return f"vibn tools call {tool.name}" + (" -p PROJECT" if tool.in_project else "")
