"""Work that ends when something beside it does: the client leaves, or sends what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from starlette.types import Receive


class Gone(Exception):
    """The client left before its answer was complete: there is nobody to tell."""


@asynccontextmanager
async def beside(watch: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run ``watch`` while the block runs. When it raises, the block is cancelled, has the time it
    needs to end, and what was raised comes out; when it returns, the block goes on."""
    task = asyncio.current_task()
    assert task is not None
    raised: list[Exception] = []
    over = False

    async def watching() -> None:
        try:
            await watch
        except Exception as error:
            if not over:
                raised.append(error)
                task.cancel()

    watcher = asyncio.create_task(watching(), name="beside a call")
    try:
        yield
    except asyncio.CancelledError:
        # Cancelled by the watch alone, it is no cancellation to those above.
        if not raised or task.uncancel() > 0:
            raise
        raise raised[0] from None
    finally:
        over = True
        watcher.cancel()
        await asyncio.wait({watcher})
        watch.close()  # it may not even have begun


async def leaving(receive: Receive) -> None:
    """Raises Gone once the client has left. Only for a request whose body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Gone
