"""What `vibn --help` costs and tells."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vibn.cli.root import Root

COUNTED = "import sys, json\ntry:\n    from vibn.cli import main; main({!r})\nexcept SystemExit:\n"
COUNTED += "    print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def _loaded(*arguments: str) -> tuple[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(list(arguments))], capture_output=True, text=True
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], [], ["--version"]])
def test_help_loads_nothing_that_takes_long(arguments: list[str]) -> None:
    _, loaded = _loaded(*arguments)
    heavy = {"rich", "httpx2", "asyncio", "pydantic", "websockets", "ssl", "json.tool"}
    assert not loaded & heavy
    ours = {name for name in loaded if name.startswith("vibn.")}
    assert not {name for name in ours if name.split(".")[1] not in ("cli", "errors")}


def test_help_lists_every_command_with_its_line() -> None:
    shown, _ = _loaded("--help")
    for section, entries in Root.sections.items():
        assert f"{section}:" in shown
        for entry in entries:
            assert f"  {entry.name} " in shown


@pytest.mark.parametrize(
    "name", [entry.name for entries in Root.sections.values() for entry in entries]
)
def test_every_command_has_help_of_its_own(name: str) -> None:
    shown, loaded = _loaded(name, "--help")
    assert f"Usage: vibn {name}" in shown
    assert not loaded & {"vibn.server", "vibn.app", "vibn.services", "sqlalchemy"}
