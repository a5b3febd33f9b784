"""Ends a whole family of processes: first all are stopped, until no new one turns up (a stopped
process cannot fork, so even a fork bomb comes to rest), then all are killed, until none is left."""

from __future__ import annotations

import os
import time

from .cores import signal
from .tree import Family, Process, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .agent import Agent

PATIENCE = 5.0
"""Seconds after which a process that does not die (in the kernel, or another user's) is left."""


class Killing:
    """Starts at once; calls ``done(killed)`` in a later turn of the loop. ``killed`` are the
    processes that were ended, the shell first."""

    def __init__(
        self,
        agent: Agent,
        root: int,
        marker: str,
        done: Callable[[list[Process]], None] | None,
    ) -> None:
        self._loop = agent.loop
        self._family = Family(root, marker)
        self._done = done
        self._stopped: dict[tuple[int, int], Process] = {}
        self._refused: set[tuple[int, int]] = set()
        self._until = time.monotonic() + PATIENCE
        self._pause = 0.0005
        # The first look may be an older one, shared with others; each later one has to come after
        # what was done.
        self._moment = time.monotonic() - 0.02
        self._looked = False
        self._stop()

    def _stop(self) -> None:
        fresh = not self._looked
        self._looked = True
        for one in self._family.find(self._moment):
            key = (one.pid, one.start)
            if key not in self._stopped and self._send(one, signal.SIGSTOP):
                self._stopped[key] = one
                fresh = True
        self._moment = time.monotonic()
        if fresh and time.monotonic() < self._until - PATIENCE / 2:
            self._loop.soon(self._stop)
            return
        for one in self._stopped.values():
            self._send(one, signal.SIGKILL)
        self._moment = time.monotonic()
        self._loop.later(self._pause, self._check)

    def _check(self) -> None:
        alive = [
            one
            for one in self._family.find(self._moment)
            if (one.pid, one.start) not in self._refused
        ]
        if alive and time.monotonic() < self._until:
            for one in alive:
                if self._send(one, signal.SIGKILL):
                    self._stopped.setdefault((one.pid, one.start), one)
            self._pause = min(self._pause * 2, 0.05)
            self._moment = time.monotonic()
            self._loop.later(self._pause, self._check)
        elif self._done is not None:
            Snapshot.forget()
            root = self._family.root
            self._done(sorted(self._stopped.values(), key=lambda one: (one.pid != root, one.pid)))

    def _send(self, one: Process, number: int) -> bool:
        try:
            os.kill(one.pid, number)
        except ProcessLookupError:
            return False
        except OSError:
            self._refused.add((one.pid, one.start))
            return False
        return True
