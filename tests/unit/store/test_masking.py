"""No secret value comes back, however the output is cut into chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.services.masking import Masker, margin_of, mask, mask_bytes, mask_cut, mask_part

FEW = st.text("ab\né", max_size=40)
"""Few letters: values repeat, overlap and begin in each other."""
VALUES = st.lists(st.text("ab\né", max_size=9), max_size=4)


def _covered(data: bytes, values: list[str]) -> bytes:
    """The definition, letter by letter: each stretch of overlapping values is one mask."""
    needles = [v.encode() for v in values if len(v) >= 4]
    needles += [n.replace(b"\n", b"\r\n") for n in needles]
    out, end = b"", 0
    for at in range(len(data)):
        lengths = [len(n) for n in needles if data.startswith(n, at)]
        if lengths and at >= end:
            out += b"***"
        end = max(end, at + max(lengths, default=0))
        if at >= end:
            out += data[at : at + 1]
    return out


@given(FEW, VALUES)
def test_masking_covers_every_value_and_nothing_else(text: str, values: list[str]) -> None:
    assert mask_bytes(text.encode(), values) == _covered(text.encode(), values)


@given(st.lists(FEW.map(str.encode), max_size=12), VALUES)
def test_a_stream_is_masked_as_its_whole(chunks: list[bytes], values: list[str]) -> None:
    masker = Masker(values)
    given_out = b"".join([*map(masker.feed, chunks), masker.end()])
    assert given_out == mask_bytes(b"".join(chunks), values)


@given(st.binary(max_size=60), VALUES)
def test_a_stream_byte_by_byte_is_masked_as_its_whole(data: bytes, values: list[str]) -> None:
    masker = Masker(values)
    single = [masker.feed(data[n : n + 1]) for n in range(len(data))]
    assert b"".join(single) + masker.end() == mask_bytes(data, values)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_value_is_left_in_a_text(text: str, values: list[str]) -> None:
    masked = mask(text + text.join(values), values)
    assert not any(
        v in masked.replace("***", "\0") for v in values if len(v) >= 4 and "\0" not in v
    )


@given(st.text(st.characters(exclude_categories=[])))
def test_a_text_without_values_stays(text: str) -> None:
    assert mask(text, []) == text
    assert mask(text, ["abc"]) == text


@pytest.mark.parametrize(
    ("text", "values", "masked"),
    [
        ("key=s3cret!", ["s3cret"], "key=***!"),
        ("abcdef", ["abcd", "cdef"], "***"),
        ("hunter22", ["hunter", "hunter22"], "***"),
        ("a\r\nbc\nd", ["a\nbc\nd", "a\nbc"], "***\nd"),
        ("xxxxxxxx", ["xxxx"], "***"),
        ("пароль-π", ["пароль"], "***-π"),
        ("abc", ["abc"], "abc"),
    ],
)
def test_examples(text: str, values: list[str], masked: str) -> None:
    assert mask(text, values) == masked


def test_only_a_possible_beginning_is_kept_back() -> None:
    masker = Masker(["s3cret"])
    assert masker.feed(b"password: ") == b"password: "
    assert masker.feed(b"yes") == b"ye"
    assert masker.feed(b"3c") == b""
    assert masker.feed(b"ond") == b"s3cond"
    assert masker.end() == b""


def test_a_masker_begins_anew_after_its_end() -> None:
    masker = Masker(["s3cret"])
    assert masker.feed(b"s3c") + masker.end() == b"s3c"
    assert masker.feed(b"ret s3cret") + masker.end() == b"ret ***"


@given(FEW.map(str.encode), VALUES, st.lists(st.integers(0, 60), max_size=5))
def test_parts_that_are_read_one_by_one_are_masked_as_the_whole(
    data: bytes, values: list[str], sizes: list[int]
) -> None:
    margin, at, read = margin_of(values), 0, b""
    for size in [*sizes, len(data)]:
        stop = min(len(data), at + size)
        first, last = max(0, at - margin), min(len(data), stop + margin)
        part, end = mask_part(
            data[first:last], at - first, stop - first, values, more=last < len(data)
        )
        read, at = read + part, first + end
    assert read == mask_bytes(data, values)


def test_a_run_of_a_repetitive_value_is_masked_in_linear_time() -> None:
    values = ["a" * (20 + 15 * n) for n in range(60)]
    assert mask_bytes(b"a" * 4_000_000 + b"b", values) == b"***b"


@pytest.mark.parametrize("cut", range(4, 12))
def test_a_value_that_a_cut_goes_through_shows_on_neither_side(cut: int) -> None:
    value = "sk-very-secret"
    head, tail = mask_cut(f"key={value[:cut]}".encode(), f"{value[cut - 1 :]}.".encode(), [value])
    assert head == b"key="
    assert tail == b"."
