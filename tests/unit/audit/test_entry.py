"""What a caller or a box sends becomes one row, and looks like nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.audit.conftest import entry

from vibn.services.audit import line
from vibn.services.audit.entry import NAME, PATH, PATHS, clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("src/a b.py", "src/a b.py"),
        ("größe/模块.py", "größe/模块.py"),
        ("a\nb", r"a\x0ab"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2028b", r"a\u2028b"),
        ("a\0b", r"a\x00b"),
        ("a\udcffb", r"a\udcffb"),
        ("\U000e0001", r"\U000e0001"),
        (r"a\x0ab", r"a\\x0ab"),
    ],
)
def test_text_from_outside_stands_on_one_line(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(max_size=NAME), st.text(max_size=NAME))
def test_different_texts_stay_different(one: str, other: str) -> None:
    assert (clean(one) == clean(other)) == (one == other)


@given(st.text(st.characters(), max_size=3 * NAME))
def test_every_text_can_be_printed_and_stored(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned.encode()) <= 10 * NAME + 20


def test_a_long_text_keeps_both_ends_and_says_what_is_missing() -> None:
    cleaned = clean("a" * 100 + "b" * 100, most=10)
    assert cleaned == r"aaaaa\+190+bbbbb"


def test_no_text_can_pretend_to_be_a_cut() -> None:
    assert clean(r"aaaaa\+190+bbbbb") == r"aaaaa\\+190+bbbbb"


def test_only_so_many_paths_are_kept_and_the_rest_counted() -> None:
    row = entry(paths=tuple(f"{n}" for n in range(PATHS + 3))).row("c", 1, "")
    assert len(row.paths) == PATHS + 1
    assert row.paths[-1] == r"\+3"


def test_a_long_path_keeps_its_beginning_and_its_name() -> None:
    row = entry(paths=("d/" * PATH + "name.py",)).row("c", 1, "")
    assert row.paths[0].startswith("d/d/")
    assert row.paths[0].endswith("name.py")


@pytest.mark.parametrize(("ms", "kept"), [(math.nan, 0), (math.inf, 0), (-1, 0), (1.23456, 1.235)])
def test_a_duration_is_a_number_of_milliseconds(ms: float, kept: float) -> None:
    assert entry(ms=ms).row("c", 1, "").ms == kept


def test_a_count_fits_every_database() -> None:
    row = entry(received=1 << 80, sent=-5).row("c", 1, "")
    assert (row.received, row.sent) == ((1 << 63) - 1, 0)


@given(st.text(st.characters()), st.lists(st.text(st.characters())))
def test_a_row_is_one_line_that_reads_back(text: str, paths: list[str]) -> None:
    row = entry(tool=text, project=text, paths=tuple(paths)).row("c", 1, "h")
    written = line.sealed(line.body(row), "")
    assert written.count(b"\n") == 1
    assert written.isascii()
    assert line.parse(written) == row


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"null", b"[1]", b'["c",1', b"\xff", b"[" * 100_000],
)
def test_what_is_no_line_of_ours_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        line.parse(text)


def test_a_line_with_another_field_is_refused() -> None:
    written = line.sealed(line.body(entry().row("c", 1, "h")), "m")
    for changed in (
        written.replace(b'"c",1,', b'"c","1",'),
        written.replace(b'"c",1,', b'"c",1.0,'),
        written.replace(b'"c",1,', b'"c",-1,'),
        written.replace(b'"c",1,', b'"c",99999999999999999999,'),
        written.replace(b'["src/a.py"]', b'"src/a.py"'),
        written.replace(b"+00:00", b""),
        written.replace(b",", b", "),
    ):
        assert changed != written
        with pytest.raises(ValueError):  # noqa: PT011
            line.parse(changed)
