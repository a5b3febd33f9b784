"""Documents that go stale are worse than none: what code knows of itself must stand in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from vibn.agent.ops import RESIDENT
from vibn.config import Settings
from vibn.errors import BY_CODE, VibnError

ROOT = Path(__file__).parents[2]


def test_every_setting_is_documented() -> None:
    text = "".join((ROOT / "docs" / page).read_text() for page in ("runtimes.md", "server.md"))
    missing = [name for name in Settings.model_fields if f"`VIBN_{name.upper()}`" not in text]
    assert missing == []


def test_every_operation_of_the_agent_is_documented() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    assert [name for name in RESIDENT if f"`{name}`" not in text] == []


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree() -> None:
    def classes(root: type[VibnError]) -> list[type[VibnError]]:
        return [root, *(c for child in root.__subclasses__() for c in classes(child))]

    ours = [c for c in classes(VibnError) if c.__module__ == "vibn.errors"]
    assert len(ours) == len({c.code for c in ours}) == len(BY_CODE)
    tree = (ROOT / "src/vibn/errors.py").read_text().split('"""')[1]
    assert [c.__name__ for c in ours if c.__name__ not in tree] == []


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", _without_code(page.read_text())):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def _without_code(text: str) -> str:
    """A pattern such as ``[a-z]([a-z])`` is no link, be it marked as code or escaped."""
    return re.sub(r"```.*?```|`[^`\n]*`|\]\(\[[^)]*\)", "", text, flags=re.DOTALL)


def test_every_make_target_is_explained() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    targets = [line.split(":")[1].split()[0] for line in lines if line.startswith(".PHONY")]
    explained = [line.split(":")[0] for line in lines if ": " in line and "## " in line]
    assert set(targets) <= set(explained)


def test_the_readme_holds_what_was_measured_and_no_gap() -> None:
    text = (ROOT / "README.md").read_text()
    assert re.findall(r"@[A-Z]+@", text) == []
    rows = json.loads((ROOT / "bench" / "results.json").read_text())["rows"]
    assert [row["what"] for row in rows if f"| {row['what']} |" not in text] == []
