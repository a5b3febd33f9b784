from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from vibn.agent.frames import MAX_HEADER, encode
from vibn.errors import TooLarge
from vibn.models import Project
from vibn.services import environment
from vibn.services.environment import Environment, Variables

PROJECT = Project(
    id="p1",
    workspace="acme",
    slug="shop",
    name="Shop",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    env={"A": "plain", "B": "plain", "VIBN_PROJECT_SLUG": "forged"},
)


class Held:
    def __init__(self, **values: str) -> None:
        self._values = values

    async def values(self, project_id: str) -> dict[str, str]:
        return self._values if project_id == "p1" else {}


async def test_secrets_win_over_variables_and_ours_over_both():
    variables = await Environment(Held(B="hidden", VIBN_DEV_CONTAINER="0")).of(PROJECT)
    assert variables.all == {
        "A": "plain",
        "B": "hidden",
        "VIBN_PROJECT_SLUG": "shop",
        "VIBN_DEV_CONTAINER": "1",
    }


async def test_values_of_secrets_are_masked_and_others_are_not():
    variables = await Environment(Held(TOKEN="s3cret-value")).of(PROJECT)
    assert variables.masked(b"plain s3cret-value shop") == b"plain *** shop"


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_a_value_too_short_to_hide_anything_is_left(value):
    assert Variables({"S": value}, frozenset({"S"})).masked(b"abcabc") == b"abcabc"


@pytest.mark.parametrize("character", ["a", "é", "\x01", "🔑"])
def test_variables_and_secrets_that_are_let_in_fit_into_a_request_together(character):
    env = {}
    with suppress(TooLarge):
        for n in range(100):
            env = environment.check({**env, f"A{n}": character * 1000})
    assert 0 < len(env) < 100
    secrets = {f"B{name}": value for name, value in env.items()}
    frame = encode({"t": "req", "id": 1, "op": "exec", "a": {"env": {**env, **secrets}}}, b"")
    assert len(frame) < MAX_HEADER - 32 * 1024
