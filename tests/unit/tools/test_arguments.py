"""Arguments as models write them are understood; what cannot be is told field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tools.conftest import EXAMPLES, by_name

from vibn.errors import InvalidInput
from vibn.tools import STANDARD, AnyTool
from vibn.tools.intake import checked, take
from vibn.tools.schema import properties


def understood(name: str, arguments: dict[str, object]) -> dict[str, Any]:
    """Those that differ from their defaults."""
    tool = by_name(name)
    return checked(tool, take(tool, arguments), project=False).model_dump(exclude_defaults=True)


def refused(name: str, arguments: dict[str, object]) -> InvalidInput:
    with pytest.raises(InvalidInput) as wrong:
        understood(name, arguments)
    return wrong.value


def fields(error: InvalidInput) -> list[str]:
    found = error.detail["fields"]
    assert isinstance(found, list)
    return [one["field"] for one in found]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[AnyTool, dict[str, object]]:
    """A tool, and any values for its arguments, their aliases and what is none."""
    tool = draw(st.sampled_from(STANDARD))
    known = [*properties(tool.schema(project=True)), *(n for a in tool.aliases for n in a.names)]
    names = st.sampled_from(known) | st.text() if known else st.text()
    example = dict(EXAMPLES.get(tool.name, {}))
    return tool, {**example, **draw(st.dictionaries(names, ANYTHING, max_size=4))}


@settings(max_examples=500, deadline=None)
@given(calls())
def test_any_json_is_understood_or_told(call: tuple[AnyTool, dict[str, object]]) -> None:
    tool, arguments = call
    refusal: InvalidInput | None = None
    try:
        checked(tool, take(tool, arguments), project=True)
    except InvalidInput as error:
        refusal = error
    assert refusal is None or (refusal.detail["fields"] and len(str(refusal)) < 4000)


def test_numbers_and_truth_may_come_as_text() -> None:
    numbers: dict[str, object] = {
        "pattern": "x",
        "limit": "5",
        "ignore_case": "true",
        "context": 2.0,
    }
    assert understood("fs_grep", numbers) == {
        "pattern": "x",
        "limit": 5,
        "ignore_case": True,
        "context": 2,
    }


@pytest.mark.parametrize("tool", STANDARD, ids=lambda tool: tool.name)
def test_null_is_as_absent(tool: AnyTool) -> None:
    example = dict(EXAMPLES.get(tool.name, {}))
    nulls = dict.fromkeys(properties(tool.schema()))
    plain = checked(tool, take(tool, example), project=False)
    assert checked(tool, take(tool, {**nulls, **example}), project=False) == plain


def test_null_for_what_is_required_is_as_missing() -> None:
    error = refused("fs_read", {"file_path": None})
    assert fields(error) == ["file_path"]
    assert "is required" in error.message


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, "not true"),
        ("abc", "not the text 'abc'"),
        (5.5, "not 5.5"),
        (0, "not 0"),
        (10**400, "not a number of that size"),
        ("9" * 5000, "not a text of 5000 characters"),
        (float("inf"), "not inf"),
        ([1, 2], "not a list of 2"),
        ({"a": 1}, "not an object"),
    ],
)
def test_a_wrong_number_is_told_with_what_is_taken(value: object, told: str) -> None:
    error = refused("fs_read", {"file_path": "a", "limit": value})
    assert f"limit: must be an integer from 1 to 1048576, {told}" in error.message
    assert fields(error) == ["limit"]


@pytest.mark.parametrize("value", [5, True, ["a"], {"a": 1}])
def test_a_text_must_be_one(value: object) -> None:
    error = refused("fs_write", {"file_path": "a", "content": value})
    assert "content: must be a text, not" in error.message


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert "no Unicode" in refused("fs_write", {"file_path": "a", "content": "\ud800"}).message


def test_all_mistakes_are_told_at_once() -> None:
    error = refused("shell_exec", {"cwd": 5, "user": "admin", "comand": "ls"})
    assert sorted(fields(error)) == ["comand", "command", "cwd", "user"]
    assert "maybe command is meant" in error.message
    assert "one of vibn, root" in error.message
    assert error.hint.startswith("It takes command, cwd (optional)")


def test_long_and_odd_values_are_not_repeated() -> None:
    error = refused("shell_exec", {"x" * 10_000: "y" * 10_000, "command": ["z" * 10_000], "a b": 1})
    assert len(str(error)) < 600
    assert "the text 'a b'" in error.message


def test_many_mistakes_are_counted() -> None:
    error = refused("fs_list", {f"x{number}": 1 for number in range(1000)})
    assert len(fields(error)) == 10
    assert "and 990 more" in error.message


@pytest.mark.parametrize(
    "env",
    [["A=1", "B=true", "C=x=y"], {"A": 1, "B": True, "C": "x=y", "D": None}],
    ids=["list", "object"],
)
def test_variables_come_as_a_list_or_as_an_object(env: object) -> None:
    found = understood("shell_exec", {"command": "true", "env": env})
    assert found["env"] == ("A=1", "B=true", "C=x=y")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        (["A=1", "secret"], "item 2 must be NAME=value"),
        (["1A=secret"], "item 1 must begin with a name"),
        (["A=secret\0"], "the value of A holds a NUL"),
        ({"A": {"b": "secret"}}, "each value must be a text"),
        ([5], "must be a list of texts"),
        (["A=1"] * 201, "must be a list of texts (at most 200), not a list of 201"),
    ],
)
def test_wrong_variables_are_told_and_never_repeated(env: object, told: str) -> None:
    error = refused("shell_exec", {"command": "true", "env": env})
    assert told in error.message
    assert "secret" not in str(error) + str(error.detail)


def test_a_signal_may_have_its_long_name() -> None:
    assert understood("shell_kill", {"id": "j", "signal": "sigint"})["signal"] == "INT"
