"""Every schema is in the portable subset, and the vendors' own libraries take it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import mcp_types
import pytest
from anthropic.types import ToolParam
from google.genai import Client
from google.genai import types as genai
from google.genai._common import convert_to_dict
from google.genai.models import _GenerateContentParameters_to_mldev
from jsonschema import Draft202012Validator
from openai.lib._pydantic import _ensure_strict_json_schema
from openai.types.responses import FunctionToolParam
from pydantic import TypeAdapter
from tests.unit.tools.conftest import EXAMPLES

from vibn.errors import InvalidInput
from vibn.tools import STANDARD, AnyTool, export

FORBIDDEN = {
    "$schema", "$ref", "$defs", "$id", "definitions", "anyOf", "oneOf", "allOf", "not", "if",
    "nullable", "default", "title", "format", "const", "patternProperties", "prefixItems",
}  # fmt: skip
CASES = [
    pytest.param(tool, project, id=f"{tool.name}-{'across' if project else 'bound'}")
    for tool in STANDARD
    for project in (False, True)
]


def parts(schema: object) -> Iterator[Mapping[str, Any]]:
    """The schema and all within it."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            for part in value.values() if key == "properties" else [value]:
                yield from parts(part)


def exported(dialect: str, project: bool = False) -> Any:
    return json.loads(export(dialect, project=project))


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_a_schema_is_in_the_portable_subset(tool: AnyTool, project: bool) -> None:
    schema = tool.schema(project=project)
    assert schema["type"] == "object"
    for part in parts(schema):
        assert not part.keys() & FORBIDDEN
        assert isinstance(part["type"], str)
        assert part.get("additionalProperties", False) is False
        assert part["type"] != "object" or part is schema, "no objects within"
        assert part["type"] != "array" or "items" in part


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_every_argument_is_named_and_described_for_all(tool: AnyTool, project: bool) -> None:
    schema: dict[str, Any] = tool.schema(project=project)
    for name, part in schema["properties"].items():
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)
        assert 10 < len(part["description"]) < 1000
    assert set(schema.get("required", [])) <= set(schema["properties"])


@pytest.mark.parametrize("tool", STANDARD, ids=lambda tool: tool.name)
def test_every_tool_is_named_and_described_for_all(tool: AnyTool) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", tool.name)
    assert 50 < len(tool.description) < 1000
    assert 3 < len(tool.title) < 60
    assert not (tool.read_only and tool.destructive)


def test_names_are_unique_also_by_their_alias() -> None:
    names = [tool.name for tool in STANDARD]
    assert len({name.replace(".", "_") for name in names}) == len(names)


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_a_tool_of_a_project_has_it_as_its_first_argument_across_projects(
    tool: AnyTool, project: bool
) -> None:
    schema: dict[str, Any] = tool.schema(project=project)
    if project and tool.in_project:
        assert next(iter(schema["properties"])) == schema["required"][0] == "project"
    else:
        assert "project" not in schema["properties"]


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_aliases_stand_in_no_schema(tool: AnyTool, project: bool) -> None:
    properties = tool.schema(project=project)["properties"]
    assert isinstance(properties, dict)
    for alias in tool.aliases:
        assert set(alias.targets) <= set(properties)
        assert not set(alias.names) & set(properties)


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_json_schema_2020_12_takes_it_and_its_example(tool: AnyTool, project: bool) -> None:
    schema = tool.schema(project=project)
    Draft202012Validator.check_schema(schema)
    example = dict(EXAMPLES.get(tool.name, {}))
    if project and tool.in_project:
        example["project"] = "shop"
    Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("project", [False, True])
def test_google_takes_the_definitions_and_converts_them(project: bool) -> None:
    (tool,) = [genai.Tool.model_validate(one) for one in exported("gemini", project)]
    assert tool.function_declarations is not None
    assert [f.name for f in tool.function_declarations] == [t.name for t in STANDARD]
    for function, ours in zip(tool.function_declarations, STANDARD, strict=True):
        schema: dict[str, Any] = ours.schema(project=project)
        if not schema["properties"]:
            assert function.parameters_json_schema is None
            continue
        assert function.parameters_json_schema == schema
        plain = {key: value for key, value in schema.items() if key != "additionalProperties"}
        made = genai.Schema.from_json_schema(
            json_schema=genai.JSONSchema.model_validate(plain),
            api_option="GEMINI_API",
            raise_error_on_unsupported_field=True,
        )
        assert made.properties is not None
        assert set(made.properties) == set(schema["properties"])


@pytest.mark.parametrize("project", [False, True])
def test_google_builds_its_request_from_them(project: bool) -> None:
    client = Client(api_key="none")
    config = genai.GenerateContentConfig.model_validate({"tools": exported("gemini", project)})
    request = _GenerateContentParameters_to_mldev(
        client._api_client,
        genai._GenerateContentParameters(model="m", contents="hello", config=config),
    )
    sent = convert_to_dict(request)["tools"][0]["functionDeclarations"]
    assert [one["name"] for one in sent] == [tool.name for tool in STANDARD]


@pytest.mark.parametrize("project", [False, True])
def test_openai_takes_the_definitions(project: bool) -> None:
    functions = exported("openai", project)
    TypeAdapter(list[FunctionToolParam]).validate_python(functions)
    assert [one["name"] for one in functions] == [tool.name for tool in STANDARD]


@pytest.mark.parametrize(("tool", "project"), CASES)
def test_openai_s_strict_helper_changes_nothing_but_what_is_required(
    tool: AnyTool, project: bool
) -> None:
    schema: dict[str, Any] = tool.schema(project=project)
    strict = _ensure_strict_json_schema(deepcopy(schema), path=(), root=schema)
    assert strict.pop("required") == list(schema["properties"])
    schema.pop("required", None)
    assert strict == schema


@pytest.mark.parametrize("project", [False, True])
def test_anthropic_takes_the_definitions(project: bool) -> None:
    tools = exported("anthropic", project)
    TypeAdapter(list[ToolParam]).validate_python(tools)
    assert [one["name"] for one in tools] == [tool.name for tool in STANDARD]


@pytest.mark.parametrize("project", [False, True])
def test_mcp_takes_the_definitions(project: bool) -> None:
    listed = mcp_types.ListToolsResult.model_validate(exported("mcp", project))
    assert [tool.name for tool in listed.tools] == [tool.name for tool in STANDARD]
    hints = {tool.name: tool.annotations for tool in listed.tools}
    assert hints["fs_read"] is not None
    assert hints["fs_read"].read_only_hint is True
    assert hints["fs_delete"] is not None
    assert hints["fs_delete"].destructive_hint is True


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="gemini"):
        export("grok")


@pytest.mark.parametrize("tool", STANDARD, ids=lambda tool: tool.name)
def test_every_result_has_a_schema_of_its_json(tool: AnyTool) -> None:
    Draft202012Validator.check_schema(tool.result_schema())
    assert tool.result_schema()["type"] == "object"
