"""The line of waiting tasks, and the allowance for frames that carry nothing."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.channel.gate import Allowance, Gate


async def _waiting(gate, count):
    tasks = [asyncio.create_task(gate.wait(20)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_tasks_are_let_through_in_their_order():
    gate = Gate()
    first, second = await _waiting(gate, 2)
    gate.let_one()
    await first
    assert not second.done()
    gate.let_all()
    await second
    assert not gate


async def test_one_that_gives_up_passes_its_turn_on():
    gate = Gate()
    first, second = await _waiting(gate, 2)
    gate.let_one()
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_that_waited_too_long_leaves_the_line():
    gate = Gate()
    with pytest.raises(TimeoutError):
        await gate.wait(0.01)
    assert not gate


@given(st.lists(st.floats(0, 10), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_no_more_than_burst_and_rate_are_allowed(gaps, burst, rate):
    allowance, now, allowed = Allowance(burst, rate), 1000.0, 0
    for gap in gaps:
        now += gap
        allowed += allowance.take(now)
    assert allowed <= burst + (now - 1000.0) * rate + 1e-6


def test_who_stays_below_the_rate_is_always_allowed():
    allowance = Allowance(2, 20)
    assert all(allowance.take(n / 20) for n in range(1000))
