"""A fingerprint tells whether arguments were alike, whatever they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.services.audit import fingerprint as module
from vibn.services.audit.fingerprint import DEPTH, LONG, fingerprint

KEY = b"k" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def of(arguments: Mapping[str, object]) -> str:
    return fingerprint(KEY, arguments)


class Hostile(dict[Any, Any]):
    """Whatever is asked of it, it raises."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_order_of_names_does_not_count() -> None:
    assert of({"a": 1, "b": 2}) == of({"b": 2, "a": 1})


def test_another_key_gives_another_fingerprint() -> None:
    assert of({"a": 1}) != fingerprint(b"x" * 32, {"a": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": True}, {"a": 1}),
        ({"a": None}, {}),
        ({"a": "x"}, {"a": b"x"}),
        ({"a": ["x"]}, {"a": "x"}),
        ({"a": {"b": 1}}, {"a": [["b", 1]]}),
        ({"a": ["list", 0]}, {"a": []}),
        ({1: 2}, {"1": 2}),
        ({"a": "x" * LONG}, {"a": "x" * (LONG + 1)}),
        ({"a": "x" * 99_999 + "y"}, {"a": "x" * 100_000}),
        ({"a": 1 << 300}, {"a": 1 << 301}),
        ({"a": [0] * 5000}, {"a": [0] * 5001}),
    ],
)
def test_different_arguments_differ(one: dict[str, object], other: dict[str, object]) -> None:
    assert of(one) != of(other)


@given(st.dictionaries(st.text(), JSON))
def test_the_same_arguments_are_alike(arguments: dict[str, object]) -> None:
    assert of(arguments) == of(dict(reversed(arguments.items())))


def test_odd_values_do_no_harm() -> None:
    circle: list[object] = []
    circle.append(circle)
    odd = [circle, object(), {1, 2}, Hostile(), 10**5000, float("nan"), "\ud800", {None: 1, 2: 3}]
    assert len(of({"odd": odd})) == 64


def test_nesting_ends_somewhere() -> None:
    deep: list[object] = []
    for _ in range(10 * DEPTH):
        deep = [deep]
    assert len(of({"deep": deep})) == 64


def test_the_work_is_bounded_however_much_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    dump = module._dump
    monkeypatch.setattr(
        module, "_dump", lambda value: sizes.append(len(dump(value))) or dump(value)
    )
    wide: list[object] = [["x" * 10_000] * 10_000 for _ in range(100)]
    of({"text": "\U0001f600" * 10_000_000, "wide": wide, "bytes": b"\xff" * 10_000_000})
    assert max(sizes) < 4 << 20
