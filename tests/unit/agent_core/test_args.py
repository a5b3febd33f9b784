"""How arguments are checked."""

from __future__ import annotations

import pytest

from vibn.agent.args import REQUIRED, take
from vibn.agent.failure import Failure

SPEC = {"name": (str, REQUIRED), "count": (int, 1), "wait": ((int, float), None)}


def test_defaults_are_filled_in():
    assert take({"name": "a"}, SPEC) == {"name": "a", "count": 1, "wait": None}
    assert take({"name": "a", "wait": 0.5}, SPEC)["wait"] == 0.5


def test_null_is_taken_where_it_is_the_default():
    assert take({"name": "a", "wait": None}, SPEC)["wait"] is None


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"name": 1},
        {"name": None},
        {"name": "a", "count": True},
        {"name": "a", "count": 1.5},
        {"name": "a", "count": None},
        {"name": "a", "wait": "1"},
        {"name": "a", "wait": float("nan")},
        {"name": "a", "wait": float("inf")},
        {"name": "a\0b"},
        {"name": "a", "other": 1},
    ],
)
def test_anything_else_is_refused(args):
    with pytest.raises(Failure) as caught:
        take(args, SPEC)
    assert caught.value.code == "invalid_input"
