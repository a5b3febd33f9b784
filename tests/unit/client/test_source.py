"""The SDK as code: its blocking half is fresh, and it stands alone."""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vibn.client import AsyncClient, AsyncSandbox, Client, Sandbox

ROOT = Path(__file__).parents[3]
LOOK = "import sys, json; import {}; print(json.dumps(sorted(sys.modules)))"


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive_sync", ROOT / "scripts/derive_sync.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_blocking_half_is_made_of_the_async_one() -> None:
    tool = _tool()
    sources = sorted(tool.SOURCE.glob("*.py"))
    stale = [s.name for s in sources if (tool.DERIVED / s.name).read_text() != tool.derived(s)]
    assert stale == [], "run: python scripts/derive_sync.py"
    assert [s.name for s in sources] == sorted(p.name for p in tool.DERIVED.glob("*.py"))


def _loaded(module: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(module)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_it_loads_nothing_of_the_server() -> None:
    loaded = _loaded("vibn.client._sync.client, vibn.client._async.client, vibn.client.testing")
    ours = {name for name in loaded if name.startswith("vibn.")}
    assert {name for name in ours if not name.startswith("vibn.client")} == {"vibn.errors"}
    assert not loaded & {"pydantic", "sqlalchemy", "fastapi", "starlette", "uvicorn", "typer"}


def test_one_half_does_not_load_the_other() -> None:
    assert "vibn.client._async.client" not in _loaded("vibn.client._sync.client")
    assert "asyncio" not in _loaded("vibn.client._sync.client")
    assert "vibn.client._sync.client" not in _loaded("vibn.client._async.client")


@pytest.mark.parametrize(
    ("blocking", "asynchronous"), [(Sandbox, AsyncSandbox), (Client, AsyncClient)]
)
def test_both_halves_take_the_same_arguments(blocking: type, asynchronous: type) -> None:
    for name, method in inspect.getmembers(blocking, inspect.isfunction):
        other = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}.get(name)
        twin = getattr(asynchronous, other or name)
        assert list(inspect.signature(method).parameters) == list(
            inspect.signature(twin).parameters
        )


def test_the_names_of_the_package_are_there() -> None:
    import vibn.client

    assert [name for name in vibn.client.__all__ if not hasattr(vibn.client, name)] == []
    with pytest.raises(AttributeError):
        _ = vibn.client.nothing  # type: ignore[attr-defined]
