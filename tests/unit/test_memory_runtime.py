"""What the memory runtime offers to tests, besides the contract."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import pytest

from vibn.errors import RuntimeUnavailable
from vibn.models import BoxRef, BoxSpec, EventKind, RuntimeState
from vibn.runtimes.memory import MemoryRuntime
from vibn.runtimes.processes import Process


@pytest.fixture
async def runtime():
    made = MemoryRuntime()
    yield made
    await made.close()


def children() -> set[Process]:
    own = Process.find(os.getpid())
    assert own is not None
    return set(own.descendants())


async def made(runtime, box_id="b"):
    return BoxRef(box_id, await runtime.create(BoxSpec(box_id, "shop", "acme", "any")))


async def test_a_thousand_boxes_cost_no_process(runtime):
    before = children()
    refs = [await made(runtime, f"b{number}") for number in range(1000)]
    for ref in refs:
        await runtime.freeze(ref)
    assert {box.state for box in await runtime.list()} == {RuntimeState.FROZEN}
    assert children() == before


async def test_a_verb_fails_as_told_and_works_again(runtime):
    ref = await made(runtime)
    runtime.fail_next("stop", RuntimeUnavailable("away"), times=2)
    for _ in range(2):
        with pytest.raises(RuntimeUnavailable):
            await runtime.stop(ref)
    await runtime.stop(ref)
    assert (await runtime.status(ref)).state is RuntimeState.STOPPED


@pytest.mark.parametrize(
    ("luck", "kinds"),
    [
        ("kill", [EventKind.DIED]),
        ("run_out_of_memory", [EventKind.OOM, EventKind.DIED]),
        ("remove_by_hand", [EventKind.REMOVED]),
    ],
)
async def test_bad_luck_is_told_as_events(runtime, luck, kinds):
    ref = await made(runtime)
    stream = runtime.watch()
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await getattr(runtime, luck)(ref.box_id)
    told = [await first, *[await anext(stream) for _ in kinds[1:]]]
    assert [event.kind for event in told] == kinds
    assert (await runtime.status(ref)).state is not RuntimeState.RUNNING


async def test_close_ends_the_agents(runtime):
    ref = await made(runtime)
    sock = await runtime.connect(ref)
    await runtime.close()
    assert await asyncio.to_thread(drained, sock)


def drained(sock) -> bool:
    sock.setblocking(True)
    sock.settimeout(10)
    with sock, suppress(ConnectionResetError):
        while sock.recv(65536):
            pass
    return True
