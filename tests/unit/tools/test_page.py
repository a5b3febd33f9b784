"""The documentation's page is made from the declarations."""

from __future__ import annotations

from pathlib import Path

from vibn.tools import STANDARD, export

PAGE = Path(__file__).parents[3] / "docs" / "tools.md"


def test_the_page_is_that_of_the_declarations() -> None:
    stale = "docs/tools.md is stale: vibn tools export --format docs > docs/tools.md"
    assert PAGE.read_text() == export("docs"), stale


def test_the_page_tells_of_every_tool_and_argument() -> None:
    text = export("docs")
    for tool in STANDARD:
        assert f"\n## {tool.name}\n{tool.description}" in text
        assert all(f"| `{name}` |" in text for name in tool.arguments.model_fields)
