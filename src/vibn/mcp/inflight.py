"""Tool calls under way, and what ends them: a client that leaves, or one that takes it back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

log = logging.getLogger(__name__)

ENDING = 15.0
"""Seconds in which a cancelled call must have killed its command; then it is left to itself."""


@dataclass(frozen=True, slots=True)
class CallKey:
    """Names one call of one client: the token's id, the client's session and the JSON-RPC id,
    which is a number or its text."""

    token: str
    session: str
    request: str


class TakenBack(Exception):
    """The client cancelled the call by a notification."""


class InFlight:
    """Each call runs in a task of its own: what serves an HTTP request may cut every wait short
    once the client is gone, and killing a command in a box takes a wait."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._named: dict[CallKey, asyncio.Task[Any]] = {}

    async def run(self, key: CallKey | None, call: Coroutine[Any, Any, T]) -> T:
        """The call's result. Cancelling this cancels the call and waits until it has ended.
        ``key`` None: nobody can take it back. Raises TakenBack when ``cancel`` ended it."""
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if key is not None:
            self._named[key] = task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise TakenBack from None
            await _ended(task)
            raise
        finally:
            if key is not None and self._named.get(key) is task:
                del self._named[key]

    def cancel(self, key: CallKey) -> bool:
        """False: no such call runs here."""
        task = self._named.get(key)
        return task is not None and task.cancel()

    def __len__(self) -> int:
        return len(self._tasks)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel it and wait for its end, whatever cancels this one meanwhile."""
    task.cancel()
    with anyio.CancelScope(shield=True):
        done, _ = await asyncio.wait({task}, timeout=ENDING)
    if not done:
        log.error("a cancelled call did not end within %g s", ENDING)
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.info("a cancelled call ended with %s", type(error).__name__)
