"""The tools as each vendor's API takes them: the value of a request's ``tools``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

from vibn.errors import InvalidInput
from vibn.tools.page import page
from vibn.tools.registry import STANDARD
from vibn.tools.schema import properties
from vibn.tools.tool import AnyTool


class Dialect(StrEnum):
    MCP = "mcp"
    GEMINI = "gemini"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    DOCS = "docs"


def export(dialect: str, *, tools: Sequence[AnyTool] = STANDARD, project: bool = False) -> str:
    """All tools, as JSON, or as the documentation's page for ``docs``. With ``project`` each tool
    that works in a project takes that as its first argument; else the surface is bound to one.
    Raises InvalidInput for a dialect that there is not."""
    if dialect not in set(Dialect):
        raise InvalidInput(
            f"Unknown format {dialect[:40]!r}.", hint=f"Use one of {', '.join(Dialect)}."
        )
    if dialect == Dialect.DOCS:
        return page(tools)
    found = definitions(Dialect(dialect), tools, project=project)
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def definitions(dialect: Dialect, tools: Sequence[AnyTool], *, project: bool = False) -> object:
    if dialect is Dialect.GEMINI:
        return [{"functionDeclarations": [gemini(tool, project=project) for tool in tools]}]
    if dialect is Dialect.OPENAI:
        return [openai(tool, project=project) for tool in tools]
    if dialect is Dialect.ANTHROPIC:
        return [anthropic(tool, project=project) for tool in tools]
    return {"tools": [mcp(tool, project=project) for tool in tools]}


def mcp(tool: AnyTool, *, project: bool) -> dict[str, object]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.schema(project=project),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.read_only,
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": tool.open_world,
        },
    }


def gemini(tool: AnyTool, *, project: bool) -> dict[str, object]:
    """A FunctionDeclaration. One without arguments has no schema: Gemini refuses an empty one."""
    found: dict[str, object] = {"name": tool.name, "description": tool.description}
    schema = tool.schema(project=project)
    return {**found, "parametersJsonSchema": schema} if properties(schema) else found


def openai(tool: AnyTool, *, project: bool) -> dict[str, object]:
    """As the Responses API takes a function. Its strict mode would have every argument required
    and none bounded, which fits no tool of ours."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema(project=project),
        "strict": False,
    }


def anthropic(tool: AnyTool, *, project: bool) -> dict[str, object]:
    schema = tool.schema(project=project)
    return {"name": tool.name, "description": tool.description, "input_schema": schema}
