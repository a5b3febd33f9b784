"""Blocking work in a thread that is over when its caller goes on, cancelled or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


async def complete(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """As ``asyncio.to_thread``, but a cancellation takes effect when ``function`` has ended: a
    lock that the caller holds is not let go of while the work that it guards goes on."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
