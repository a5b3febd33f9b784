"""Limits of a token's calls, by a clock that the test moves."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from vibn.errors import RateLimited, TooManyCalls
from vibn.services import limits
from vibn.services.limits import CallLimits


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(rate: float = 2, burst: int = 3, at_once: int = 0) -> tuple[CallLimits, Seconds]:
    seconds = Seconds()
    return CallLimits(rate, burst, at_once, seconds), seconds


def call(counted: CallLimits, token: str = "t1") -> None:
    with counted.entered(token):
        pass


def test_a_burst_is_taken_then_the_rate_counts():
    counted, seconds = made()
    for _ in range(3):
        call(counted)
    with pytest.raises(RateLimited) as refused:
        call(counted)
    assert refused.value.detail == {"retry_after": 0.5}
    seconds.now = 0.5
    call(counted)
    with pytest.raises(RateLimited):
        call(counted)


def test_rest_saves_no_more_than_a_burst():
    counted, seconds = made()
    seconds.now = 1000.0
    for _ in range(3):
        call(counted)
    with pytest.raises(RateLimited):
        call(counted)


def test_one_token_s_calls_cost_another_nothing():
    counted, _ = made(burst=1)
    call(counted, "t1")
    call(counted, "t2")


def test_so_many_calls_are_open_at_once_and_no_more():
    counted, _ = made(rate=0, at_once=2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(counted.entered("t1"))
        with pytest.raises(TooManyCalls):
            call(counted)
        call(counted, "t2")
    call(counted)


def test_a_call_that_raised_is_not_open_any_more():
    counted, _ = made(rate=0, at_once=1)
    with pytest.raises(ZeroDivisionError), counted.entered("t1"):
        raise ZeroDivisionError
    call(counted)


def test_idle_tokens_are_forgotten_and_busy_ones_are_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "REMEMBERED", 2)
    counted, _ = made(rate=0, at_once=1)
    with counted.entered("busy"):
        for number in range(9):
            call(counted, f"t{number}")
        with pytest.raises(TooManyCalls):
            call(counted, "busy")
