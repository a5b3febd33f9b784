"""The codec: any chunking decodes to the same, and hostile bytes end in FrameError."""

from __future__ import annotations

import itertools
import json
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.agent.frames import MAX_BODY, MAX_HEADER, Decoder, FrameError, encode

_texts = st.text(st.characters(codec="utf-8"), max_size=20)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=10,
)
_frames = st.tuples(st.dictionaries(_texts, _values, max_size=5), st.binary(max_size=2000))


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(_frames, max_size=6), st.lists(st.integers(min_value=0), max_size=12))
def test_any_chunking_decodes_to_the_same_frames(frames, cuts):
    decoder = Decoder()
    found = []
    for piece in _pieces(b"".join(encode(*frame) for frame in frames), cuts):
        found += decoder.feed(piece)
    assert found == frames
    assert decoder.pending == 0


@given(_frames)
def test_one_byte_at_a_time_gives_the_frame_with_its_last_byte(frame):
    decoder = Decoder()
    data = encode(*frame)
    assert not [f for byte in data[:-1] for f in decoder.feed(bytes([byte]))]
    assert decoder.pending == len(data) - 1
    assert decoder.feed(data[-1:]) == [frame]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_arbitrary_bytes_end_in_frames_of_objects_or_a_frame_error(pieces):
    decoder = Decoder()
    try:
        found = [frame for piece in pieces for frame in decoder.feed(piece)]
    except FrameError:
        return
    assert all(type(header) is dict and type(body) is bytes for header, body in found)
    assert decoder.pending <= sum(map(len, pieces))


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_header_bytes_are_an_object_or_a_frame_error(head, body):
    data = struct.pack(">II", len(head), len(body)) + head + body
    try:
        [(header, got)] = Decoder().feed(data)
    except FrameError:
        return
    assert header == json.loads(head.decode())
    assert got == body


@pytest.mark.parametrize(
    ("head", "body"),
    [(MAX_HEADER + 1, 0), (0, MAX_BODY + 1), (2**32 - 1, 2**32 - 1), (2**32 - 1, 0)],
)
def test_a_giant_length_is_refused_before_anything_is_held(head, body):
    decoder = Decoder()
    with pytest.raises(FrameError, match="too large"):
        decoder.feed(struct.pack(">II", head, body))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"t"',
        b"{",
        b'{"a":1}x',
        b"\xff\xfe",
        b'{"n":NaN}',
        b'{"n":-Infinity}',
        b"{" * 1000,
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"n":' + b"9" * 100_000 + b"}",
    ],
)
def test_a_header_that_is_not_an_object_is_refused(head):
    with pytest.raises(FrameError):
        Decoder().feed(struct.pack(">II", len(head), 0) + head)


def test_what_is_too_large_is_not_encoded():
    with pytest.raises(FrameError):
        encode({"a": "x" * MAX_HEADER})
    with pytest.raises(FrameError):
        encode({}, bytes(MAX_BODY + 1))
    assert Decoder().feed(encode({"t": "x"}, bytes(MAX_BODY))) == [({"t": "x"}, bytes(MAX_BODY))]


def test_a_number_that_json_lacks_is_not_encoded():
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"n": float("inf")})


def test_an_endless_unfinished_frame_holds_one_frame_at_most():
    decoder = Decoder()
    frame = encode({"t": "data"}, bytes(MAX_BODY))
    tracemalloc.start()
    for _ in range(8):
        for at in range(0, len(frame), 60_000):
            decoder.feed(frame[at : at + 60_000])
            assert decoder.pending < len(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(frame)


def test_the_memory_that_was_fed_may_be_used_again():
    memory = bytearray(encode({"t": "a"}, b"first") + encode({"t": "b"}, b"second")[:-3])
    decoder = Decoder()
    [first] = decoder.feed(memoryview(memory))
    memory[:] = bytes(len(memory))
    assert first == ({"t": "a"}, b"first")
    assert decoder.feed(b"ond") == [({"t": "b"}, b"second")]
