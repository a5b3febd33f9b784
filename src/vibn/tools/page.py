"""The documentation's page of all tools, made from their declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vibn.tools.schema import accepted, properties, required
from vibn.tools.tool import AnyTool

_HEAD = """\
# Tools

Made from the declarations in `src/vibn/tools/` by `vibn tools export --format docs`; a test holds \
it to them. Every tool exists over MCP, REST and the command line, and as a definition for Gemini, \
OpenAI and Anthropic (`vibn tools export --format gemini|openai|anthropic|mcp`).

- Where a surface serves all projects of a token, each tool that works in a project takes its slug \
as `project`. Where the address or the token is held to one, it needs none.
- Names are also taken with a dot, `fs.read`. Arguments are also taken by names that models know \
from elsewhere, such as `path` for `file_path`, `view_range` or `start_line` and `end_line` for \
`offset` and `limit`, `old_str` and `new_str`, `cmd`, and `timeout` in seconds. Two that \
contradict each other are refused.
- `null` is as absent, `"5"` as 5. What cannot be understood is `invalid_input`, with each field \
that is wrong, why, and what it takes.
- Schemas keep to what all vendors take: an object at the root, no references, no nullable types, \
no objects with free names. So `env` is published as a list of `NAME=value`; an object is taken too.
- Over MCP results are text. Over REST they come as text and as JSON.
- Tools that read only are allowed to read-only tokens. Those that need a dev container are \
refused while the kill switch is on.

"""


def page(tools: Sequence[AnyTool]) -> str:
    rows = "".join(f"| [`{t.name}`](#{t.name}) | {t.title} | {_kind(t)} |\n" for t in tools)
    index = f"| tool | what it does | kind |\n|---|---|---|\n{rows}"
    return _HEAD + index + "".join(_section(tool) for tool in tools)


def _kind(tool: AnyTool) -> str:
    words = ["reads only"] if tool.read_only else ["may destroy"] if tool.destructive else []
    if tool.idempotent and not tool.read_only:
        words.append("idempotent")
    if not tool.box:
        words.append("needs no dev container")
    if tool.workspace_wide:
        words.append("for tokens of a whole workspace")
    return ", ".join(words)


def _section(tool: AnyTool) -> str:
    schema = tool.schema()
    needed = required(schema)
    rows = "".join(_row(name, part, needed) for name, part in properties(schema).items())
    table = f"\n| argument | takes | meaning |\n|---|---|---|\n{rows}" if rows else ""
    return f"\n## {tool.name}\n{tool.description}\n{table}"


def _row(name: str, part: Mapping[str, object], needed: Sequence[str]) -> str:
    takes = accepted(part) + (", required" if name in needed else "")
    return f"| `{name}` | {_cell(takes)} | {_cell(str(part['description']))} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
