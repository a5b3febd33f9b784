"""The agent's JSON is the json package's, on its C core and without it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.agent import frames

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip
PAIRS = [frames._on_core(), frames._on_package()]


@pytest.mark.parametrize("pair", PAIRS, ids=["core", "package"])
@given(value=VALUES)
def test_what_is_written_is_read_back(pair, value):
    dumps, loads = pair
    assert dumps(value) == json.dumps(value, separators=(",", ":"))
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("pair", PAIRS, ids=["core", "package"])
@given(text=st.text(alphabet='{}[]:," \n\\abtrue0123.e-+NaI', max_size=30))
def test_any_text_is_read_or_refused_alike(pair, text):
    try:
        wanted = json.loads(text, parse_constant=frames._no_number)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011
            pair[1](text)
    else:
        assert pair[1](text) == wanted


@pytest.mark.parametrize("pair", PAIRS, ids=["core", "package"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_written(pair, value):
    with pytest.raises(ValueError, match="JSON"):
        pair[0]({"n": value})
