"""The commands as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.conftest import REAL, usable

from vibn.config import Settings

VIBN = [sys.executable, "-c", "from vibn.cli import main; main()"]


def vibn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*VIBN, *arguments],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(params=REAL)
async def environment(request: pytest.FixtureRequest, directory: Path) -> dict[str, str]:
    settings = await usable(Settings(state_dir=directory, runtime=request.param))
    return {
        "VIBN_RUNTIME": request.param,
        "VIBN_DEV_IMAGE": settings.dev_image,
        "VIBN_STATE_DIR": str(directory),
        "TMPDIR": str(directory),
    }


def test_the_demo_tells_each_step_and_leaves_nothing(
    environment: dict[str, str], directory: Path
) -> None:
    shown = vibn("demo", **environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert f"runtime: {environment['VIBN_RUNTIME']}" in shown.stdout
    for word in ("FAILED (failures=1)", "all shipped", "running again", "all steps"):
        assert word in shown.stdout
    assert list(directory.glob("vibn-demo-*")) == []


def test_a_kept_demo_is_there_for_the_next_one(environment: dict[str, str]) -> None:
    try:
        kept = vibn("demo", "--keep", **environment)
        assert "Kept: project shop" in kept.stdout, kept.stdout + kept.stderr
        again = vibn("demo", "--keep", **environment)
        assert "running, was there" in again.stdout, again.stdout + again.stderr
    finally:
        removed = vibn("demo", "--remove", **environment)
    assert removed.returncode == 0, removed.stderr
    assert not list(Path(environment["VIBN_STATE_DIR"]).glob("**/service.py"))


def test_the_demo_does_not_touch_the_configured_database(environment: dict[str, str]) -> None:
    away = "postgresql://nobody:secret@127.0.0.1:1/none"
    shown = vibn("demo", **environment, VIBN_DATABASE_URL=away)
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_the_doctor_gives_every_finding_its_fix(environment: dict[str, str]) -> None:
    shown = vibn("doctor", **environment)
    lines = shown.stdout.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(("warning", "error")):
            assert "FIX: " in lines[number + 1], line
    assert "SQLite answers" in shown.stdout


def test_the_bench_writes_its_figures(environment: dict[str, str], directory: Path) -> None:
    output = directory / "results.json"
    shown = vibn("bench", "--quick", "--output", str(output), **environment)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    rows = json.loads(output.read_text())["rows"]
    assert all(row["n"] > 0 and row["unit"] and row["p50"] > 0 for row in rows)
    assert any("subprocess.run" in row["ratios"] for row in rows)


def test_an_unknown_runtime_is_an_error_with_a_next_step() -> None:
    shown = vibn("setup", VIBN_RUNTIME="podman")
    assert shown.returncode != 0
    assert "VIBN_RUNTIME" in shown.stderr or "runtime" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_database_that_is_away_is_told_without_a_traceback(directory: Path) -> None:
    shown = vibn(
        "doctor",
        VIBN_RUNTIME="memory",
        VIBN_STATE_DIR=str(directory),
        VIBN_DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none",
    )
    assert shown.returncode == 1
    assert "store" in shown.stdout
    assert "secret" not in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_version_and_the_help_answer() -> None:
    assert vibn("--version").stdout.startswith("vibn ")
    for command in ("setup", "doctor", "demo", "bench", "image"):
        assert command in vibn("--help").stdout
