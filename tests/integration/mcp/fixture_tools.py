"""The tools that the conformance suite calls, behind a registry that is only here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vibn.errors import Conflict
from vibn.services.calls import Call
from vibn.tools import Tool
from vibn.tools.arguments import Arguments

SCHEMA_2020_12: dict[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
    "if": {"required": ["name"]},
    "then": {"required": ["address"]},
    "else": {},
    "additionalProperties": False,
}


class Nothing(Arguments):
    """Takes nothing."""


@dataclass(frozen=True)
class Foreign(Tool[Nothing, str]):
    """A tool whose schema is more than what our own may hold: it must pass as it is."""

    def schema(self, *, project: bool = False) -> dict[str, object]:
        return dict(SCHEMA_2020_12)


async def _simple(call: Call, _: Nothing) -> str:
    return "This is a simple text response for testing."


async def _failing(call: Call, _: Nothing) -> str:
    raise Conflict("This tool intentionally returns an error for testing")


async def _slow(call: Call, _: Nothing) -> str:
    for part in ("one", "two", "three"):
        if call.progress is not None:
            await call.progress(part)
    return "done"


async def _surprising(call: Call, _: Nothing) -> str:
    raise RuntimeError("the words of a bug")


SIMPLE = Tool(
    name="test_simple_text",
    title="Simple",
    description="Answers with a text.",
    arguments=Nothing,
    result=str,
    run=_simple,
    render=str,
    read_only=True,
    box=False,
    in_project=False,
)
FIXTURES = (
    SIMPLE,
    replace(SIMPLE, name="test_logging_tool"),
    replace(SIMPLE, name="test_error_handling", run=_failing),
    replace(SIMPLE, name="test_tool_with_progress", run=_slow),
    replace(SIMPLE, name="test_surprise", run=_surprising),
    Foreign(
        name="json_schema_2020_12_tool",
        title="Schema",
        description="Has a schema with everything in it.",
        arguments=Nothing,
        result=str,
        run=_simple,
        render=str,
        box=False,
        in_project=False,
    ),
)
