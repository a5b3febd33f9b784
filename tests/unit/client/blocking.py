"""An async object as a blocking one, so that one suite looks at both."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any


class Blocking:
    """Calls run on ``loop``; what they give is wrapped again where it is async, too."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return self._wrapped(getattr(self._inner, name))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._wrapped(self._inner(*arguments, **named))

    def __enter__(self) -> Any:
        return self._wrapped(self._loop.run_until_complete(self._inner.__aenter__()))

    def __exit__(self, *told: Any) -> Any:
        return self._loop.run_until_complete(self._inner.__aexit__(*told))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._inner.__aiter__()
        while True:
            try:
                yield self._loop.run_until_complete(iterator.__anext__())
            except StopAsyncIteration:
                return

    def _wrapped(self, value: Any) -> Any:
        if inspect.iscoroutine(value):
            return self._wrapped(self._loop.run_until_complete(value))
        ours = type(value).__module__.startswith("vibn.client._async")
        is_async = any(hasattr(value, name) for name in ("__aenter__", "__aiter__"))
        return Blocking(value, self._loop) if ours or is_async or callable(value) else value
