"""The loop: order, timers, errors."""

from __future__ import annotations

import os

import pytest

from vibn.agent.loop import IN, Loop


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def stop(loop):
    loop.running = False


def test_timers_strike_in_order_and_cancelled_ones_never(loop):
    seen = []
    loop.later(0.02, lambda: seen.append("second"))
    loop.later(0.01, lambda: seen.append("first"))
    loop.later(0.015, lambda: seen.append("never")).cancel()
    loop.later(0.03, lambda: stop(loop))
    loop.run()
    assert seen == ["first", "second"]


def test_thousands_of_cancelled_timers_take_no_room(loop):
    kept = loop.later(100, lambda: None)
    for _ in range(10_000):
        loop.later(100, lambda: None).cancel()
    assert len(loop._timers) < 200
    assert kept.call is not None


def test_a_handlers_error_is_told_and_ends_nothing(loop, capsys):
    loop.soon(lambda: 1 // 0)
    loop.later(0.01, lambda: stop(loop))
    loop.run()
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_descriptor_is_watched_until_it_is_removed(loop):
    read, write = os.pipe()
    seen = []

    def take(_mask):
        seen.append(os.read(read, 10))
        loop.remove(read)
        os.write(write, b"more")

    loop.add(read, IN, take)
    os.write(write, b"one")
    loop.later(0.03, lambda: stop(loop))
    loop.run()
    assert seen == [b"one"]
    os.close(read)
    os.close(write)
