"""The words for how a process ended."""

from __future__ import annotations

import signal

import pytest

from vibn.agent.outcome import outcome, signal_name, signal_number


def test_a_status_is_an_exit_or_a_signal():
    assert outcome(3 << 8) == {"exit": 3, "signal": None}
    assert outcome(signal.SIGKILL) == {"exit": None, "signal": "KILL"}


@pytest.mark.parametrize("name", ["TERM", "SIGTERM"])
def test_a_signal_goes_by_either_name(name):
    assert signal_number(name) == signal.SIGTERM


@pytest.mark.parametrize("name", ["", "NOPE", "_DFL", "SIG_IGN", None, 15])
def test_what_is_no_signal_is_zero(name):
    assert signal_number(name) == 0


def test_names_are_the_usual_ones():
    assert [signal_name(n) for n in (1, 2, 9, 15, 17)] == ["HUP", "INT", "KILL", "TERM", "CHLD"]
