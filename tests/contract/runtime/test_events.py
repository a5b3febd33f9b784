"""What ``watch`` tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vibn.models import EventKind


@asynccontextmanager
async def watching(place, ref) -> AsyncIterator[asyncio.Queue]:
    """The kinds of events of one box. Entered once the stream is known to tell: the box is
    started until its start is seen."""
    seen: asyncio.Queue = asyncio.Queue()

    async def collect() -> None:
        async for event in place.runtime.watch():
            if event.ref is not None and event.ref.box_id == ref.box_id:
                seen.put_nowait(event)

    task = asyncio.create_task(collect())
    try:
        async with asyncio.timeout(60):
            while seen.empty():
                await place.runtime.start(ref)
                await asyncio.sleep(0.5)
                await place.runtime.stop(ref, grace=1)
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(seen: asyncio.Queue, kind: EventKind):
    async with asyncio.timeout(30):
        while (event := await seen.get()).kind is not kind:
            pass
    return event


async def test_start_stop_and_remove_are_told(place):
    ref = await place.make(start=False)
    async with watching(place, ref) as seen:
        await place.runtime.start(ref)
        assert (await until(seen, EventKind.STARTED)).ref == ref
        await place.runtime.stop(ref, grace=1)
        assert (await until(seen, EventKind.STOPPED)).ref == ref
        await place.runtime.remove(ref)
        assert (await until(seen, EventKind.REMOVED)).ref == ref


async def test_what_another_control_plane_does_is_told(place):
    place.skip_unless_boxes_outlive()
    ref = await place.make(start=False)
    other = await place.again()
    async with watching(place, ref) as seen:
        await other.start(ref)
        assert (await until(seen, EventKind.STARTED)).ref == ref
        await other.remove(ref)
        assert (await until(seen, EventKind.REMOVED)).ref == ref
