"""Silence: asked after a while, lost after all, forgiven at the first sign of life."""

from __future__ import annotations

from vibn.channel.pulse import PATIENT, TICKS, Beat, Pulse


def test_a_silent_peer_is_asked_once_and_then_lost():
    pulse = Pulse()
    beats = [pulse.tick() for _ in range(TICKS + 1)]
    assert beats[PATIENT] is Beat.ASK
    assert beats[-1] is Beat.LOST
    assert [b for i, b in enumerate(beats[:-1]) if i != PATIENT] == [Beat.WAIT] * (TICKS - 1)


def test_a_peer_that_answers_each_time_is_never_lost():
    pulse = Pulse()
    for _ in range(100):
        while pulse.tick() is not Beat.ASK:
            pass
        pulse.quiet = 0
        assert pulse.tick() is Beat.WAIT


def test_a_peer_that_speaks_is_never_asked():
    pulse = Pulse()
    for _ in range(100):
        pulse.quiet = 0
        assert pulse.tick() is Beat.WAIT
