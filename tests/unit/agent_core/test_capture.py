"""What is kept of a long output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vibn.agent.capture import Capture

PIECES = st.lists(st.binary(max_size=300), max_size=40)


@given(pieces=PIECES, cap=st.integers(0, 2000))
def test_it_is_the_head_and_the_tail_whatever_the_pieces(pieces, cap):
    capture = Capture(cap)
    for piece in pieces:
        capture.add(piece)
    whole = b"".join(pieces)
    head, tail = cap - cap // 2, cap // 2
    cut = whole[:head] + whole[max(head, len(whole) - tail) :]
    assert capture.content() == (cut if len(whole) > cap else whole)
    assert (capture.total, capture.cut) == (len(whole), len(whole) > cap)


def test_memory_stays_bounded():
    capture = Capture(30000)
    for _ in range(2000):
        capture.add(b"x" * 65536)
    assert len(capture.head) + len(capture.tail) < 250_000
