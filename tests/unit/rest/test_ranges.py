"""One range of bytes, as RFC 9110 tells it."""

from __future__ import annotations

import pytest

from vibn.errors import InvalidInput
from vibn.rest.etags import expected_in, is_exclusive, is_known
from vibn.rest.ranges import Unsatisfiable, asked_in


@pytest.mark.parametrize(
    ("header", "within"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=2-", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-300", (0, 10)),
        ("bytes=2-300", (2, 10)),
        ("Bytes = 2-4", (2, 5)),
    ],
)
def test_a_range_is_within_the_file(header: str, within: tuple[int, int]) -> None:
    asked = asked_in(header)
    assert asked is not None
    assert asked.within(10) == within


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_one_that_holds_nothing_of_it_cannot_be_satisfied(header: str) -> None:
    asked = asked_in(header)
    assert asked is not None
    with pytest.raises(Unsatisfiable):
        asked.within(10)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=", "bytes=-", "bytes=4-2", "lines=1-2", "bytes=0-1,3-4", "bytes=1"]
)
def test_what_is_no_single_range_means_the_whole_file(header: str | None) -> None:
    assert asked_in(header) is None


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    for header in ("bytes=0-", "bytes=-5"):
        with pytest.raises(Unsatisfiable):
            asked_in(header).within(0)  # type: ignore[union-attr]


TAG = '"' + "a" * 64 + '"'


def test_a_change_names_the_one_content_that_it_is_meant_for() -> None:
    assert (expected_in(None), expected_in(TAG)) == (None, "a" * 64)
    for wrong in ("*", "a" * 64, f"W/{TAG}", f"{TAG}, {TAG}", ""):
        with pytest.raises(InvalidInput):
            expected_in(wrong)


def test_a_file_that_must_not_be_there_is_asked_for_by_a_star() -> None:
    assert (is_exclusive(None), is_exclusive("*")) == (False, True)
    with pytest.raises(InvalidInput):
        is_exclusive(TAG)


def test_a_reader_may_know_several_contents() -> None:
    assert is_known(f'"b", W/{TAG}', TAG)
    assert is_known("*", TAG)
    assert not is_known('"b"', TAG)
    assert not is_known(None, TAG)
