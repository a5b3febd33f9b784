from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vibn.services.life import boxes, faults
from vibn.services.life.faults import POINTS, Effect, Faults

LIFE = [path.read_text() for path in Path(boxes.__file__).parents[1].rglob("*.py")]
DIE = (
    "from vibn.services.life.faults import from_environment, Effect\n"
    "with from_environment().around(Effect.CREATE_CONTAINER): print('inside', flush=True)\n"
    "print('survived', flush=True)\n"
)


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", DIE], env=environment, capture_output=True, text=True, timeout=30
    )


def test_an_effect_is_announced_before_and_after():
    points: list[str] = []
    with Faults(points.append).around(Effect.CLAIM_ROW):
        points.append("the effect")
    assert points == ["claim_row.before", "the effect", "claim_row.after"]


def test_an_effect_that_fails_has_no_after():
    points: list[str] = []
    with pytest.raises(ZeroDivisionError), Faults(points.append).around(Effect.CLAIM_ROW):
        raise ZeroDivisionError
    assert points == ["claim_row.before"]


@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_is_used_somewhere(effect):
    assert any(f"Effect.{effect.name}" in text for text in LIFE)


def test_the_process_is_killed_at_the_point_that_is_named():
    before = run(VIBN_FAULTS="on", VIBN_FAULT="create_container.before")
    after = run(VIBN_FAULTS="on", VIBN_FAULT="create_container.after")
    assert (before.returncode, before.stdout) == (-9, "")
    assert (after.returncode, after.stdout) == (-9, "inside\n")


def test_a_point_without_the_switch_kills_nothing():
    assert run(VIBN_FAULT="create_container.before").stdout == "inside\nsurvived\n"


def test_a_misspelt_point_is_an_error():
    with pytest.raises(ValueError, match="not a fault point"):
        faults.from_environment({"VIBN_FAULTS": "on", "VIBN_FAULT": "create_containr.before"})
    assert len(POINTS) == 2 * len(Effect)
