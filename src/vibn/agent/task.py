"""Drives one generator handler: each step runs until its next yield."""

from __future__ import annotations

from .context import Wait
from .loop import IN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context
    from .loop import Timer


class Task:
    """Started by ``step``; ended by the generator's return or error, or by a cancel."""

    def __init__(self, context: Context, generator: Generator[Any, Any, Any]) -> None:
        self.context = context
        self.generator = generator
        self.loop = context.agent.loop
        self._timer: Timer | None = None
        self._fd: int | None = None
        self._queued = False
        context.on_cancel = self.cancel

    def step(self, value: object = None) -> None:
        context = self.context
        self._queued = False
        if context.done:
            return
        try:
            wait = self.generator.send(value)
            self._arrange(wait)
        except StopIteration as stop:
            context.session.answer(context, stop.value)
        except Exception as error:
            self.generator.close()
            context.session.refuse(context, error)

    def cancel(self) -> None:
        self._disarm()
        context = self.context
        try:
            self.generator.close()
        finally:
            context.fail("cancelled", "The request was cancelled.")

    def _arrange(self, wait: object) -> None:
        context = self.context
        if wait is None:
            self._soon()
        elif wait == context.WRITABLE:
            if context.blocked:
                context.on_writable = self._wake
            else:
                self._soon()
        elif wait == context.READABLE:
            if context.readable():
                self._soon()
            else:
                context.on_readable = self._wake
        elif isinstance(wait, Wait):
            if wait.fd is not None:
                self.loop.add(wait.fd, IN, self._on_fd)
                self._fd = wait.fd
            if wait.timeout is not None:
                self._timer = self.loop.later(wait.timeout, self._on_time)
        else:
            raise TypeError("a handler yielded %r" % (wait,))

    def _soon(self) -> None:
        if not self._queued:
            self._queued = True
            self.loop.soon(self.step)

    def _disarm(self) -> None:
        context = self.context
        context.on_writable = context.on_readable = None
        if self._fd is not None:
            self.loop.remove(self._fd)
            self._fd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._disarm()
        self._soon()

    def _on_fd(self, _mask: int) -> None:
        self._disarm()
        self.step(True)

    def _on_time(self) -> None:
        self._disarm()
        self.step(False)
