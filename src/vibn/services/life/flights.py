"""Single flight: callers who want the same thing at once share one task.

A caller that is cancelled leaves; the shared task goes on for the others, or to its own end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import TypeVar, cast

from vibn.errors import Unavailable

T = TypeVar("T")


class Flights:
    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[object]] = {}

    def flying(self, key: Hashable) -> bool:
        """Whether a caller now would share the task of another."""
        return key in self._tasks

    async def join(self, key: Hashable, make: Callable[[], Coroutine[object, object, T]]) -> T:
        """What the task of ``key`` returns or raises; the first caller starts it.

        Raises Unavailable when ``close`` did not wait for it: CancelledError is only for a caller
        that was cancelled itself.
        """
        task = self._tasks.get(key)
        if task is None:
            task = cast("asyncio.Task[object]", asyncio.ensure_future(make()))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        try:
            return cast(T, await asyncio.shield(task))
        except asyncio.CancelledError as error:
            caller = asyncio.current_task()
            assert caller is not None
            if caller.cancelling() or not task.cancelled():
                raise
            raise Unavailable(
                "Vibn is shutting down; the operation was broken off.",
                hint="Try again once it is up: the operation is finished from where it was.",
            ) from error

    def _end(self, key: Hashable, task: asyncio.Task[object]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled():
            task.exception()  # read, so that one without a waiter left is no surprise at exit

    async def close(self, within: float = 10.0) -> None:
        """Let the tasks end by themselves for ``within`` seconds, then cancel them."""
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
