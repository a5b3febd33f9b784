"""The kill switch: read from memory on each call, followed from the store, closed when in doubt.

    the store's switches --changes--> applied here --check--> every call of a box tool

A state that could not be read again for ``STALE`` seconds counts as switched off: a server that
is cut off from its database must not go on by what it last heard.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from vibn.authority import Replica, Scope, Switch, Switches
from vibn.errors import DeadlineExceeded, InvalidInput, StoreUnavailable, SwitchedOff
from vibn.services.clock import Clock
from vibn.store.authority import SwitchStore

log = logging.getLogger(__name__)

STALE = 10.0
BEAT = 2.0
"""Seconds between two signs of life of a replica whose state did not change."""
SILENT = timedelta(seconds=10)
"""A replica that was not seen for so long is not counted."""
DRILL_WORKSPACE = "~drill"
"""No workspace can have this slug: a drill disturbs nobody."""
DRILL_WITHIN = 15.0
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Refused:
    """One replica in a drill: ``ms`` after the switch was thrown it refused; None: not in time."""

    id: str
    ms: float | None


@dataclass(frozen=True, slots=True)
class Drill:
    """``ms`` is the time until every replica refused, None when one did not in time."""

    ms: float | None
    replicas: tuple[Refused, ...]


class KillSwitch:
    """``on_kill`` is called with each switch that asks to end running commands, once, on every
    replica. ``seconds`` only grow."""

    def __init__(
        self,
        switches: SwitchStore,
        clock: Clock,
        replica: str,
        on_kill: Callable[[Switch], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = switches
        self._clock = clock
        self._seconds = seconds
        self._on_kill = on_kill
        self._state = Switches()
        self._read_at: float | None = None
        self._me = Replica(replica, clock.now(), clock.now(), 0)
        self._beat_at = float("-inf")
        self._killed: set[tuple[object, ...]] = set()
        self._follower: asyncio.Task[None] | None = None

    # on each call

    def check(self, workspace: str, project: str) -> None:
        """Raises SwitchedOff, with the reason, when a call for this project must not happen."""
        if self._read_at is None or self._seconds() - self._read_at > STALE:
            raise SwitchedOff(
                "Dev containers are off: this server has not heard from its database for"
                f" {STALE:g} s, so it cannot know that they may be used.",
                hint="Try again in a moment; an operator can see why with `vibn doctor`.",
                detail={"reason": "stale", "scope": "global"},
            )
        if not self._state.on:
            return
        switch = self._state.over(workspace, project)
        if switch is not None:
            raise refusal(switch)

    # for operators

    @property
    def state(self) -> Switches:
        """As it is applied here."""
        return self._state

    async def disable(self, switch: Switch) -> Switches:
        """Throw it. This server refuses when this returns, others within a second."""
        check(switch)
        return self._heard(await self._store.set(switch))

    async def enable(self, switch: Switch) -> Switches:
        """Take back what has this scope, workspace and project. Idempotent."""
        return self._heard(await self._store.clear(switch))

    async def drill(self, author: str) -> Drill:
        """Throw a switch that nobody's project is under, and see when each replica refuses by
        it. Raises DeadlineExceeded when this very server does not follow its store."""
        thrown = Switch(
            Scope.WORKSPACE, DRILL_WORKSPACE, "", "drill", author or "drill", self._clock.now()
        )
        begun = self._seconds()
        revision = (await self._store.set(thrown)).revision
        try:
            return await self._observed(revision, begun)
        finally:
            await self._store.clear(thrown)

    async def _observed(self, revision: int, begun: float) -> Drill:
        """The replicas tell the revision by which they refuse; here they are only watched."""
        took: dict[str, float | None] = {}
        while True:
            live = await self._store.replicas(self._clock.now() - SILENT)
            elapsed = self._seconds() - begun
            for replica in live:
                done = replica.applied >= revision
                if took.get(replica.id) is None:
                    took[replica.id] = elapsed * 1000 if done else None
            missing = [r.id for r in live if took[r.id] is None]
            if live and not missing:
                break
            if elapsed > DRILL_WITHIN:
                if not took:
                    raise DeadlineExceeded("No server told that it follows the kill switch.")
                break
            await asyncio.sleep(0.02)
        times = [ms for ms in took.values() if ms is not None]
        whole = max(times) if len(times) == len(took) else None
        return Drill(whole, tuple(Refused(name, ms) for name, ms in sorted(took.items())))

    # following

    async def open(self) -> None:
        """Read the state for the first time, then follow it until ``close``. Raises
        StoreUnavailable."""
        state = await self._store.all()
        # What was thrown before this server began has nothing here to end.
        self._killed = {_identity(switch) for switch in state.on}
        self._heard(state)
        await self._beat()
        self._follower = asyncio.create_task(self._follow(), name="killswitch")

    async def close(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        try:
            await self._store.leave(self._me.id)
        except StoreUnavailable as error:
            log.info("this replica could not take its leave: %s", error)

    async def _follow(self) -> None:
        away = False
        async for _ in self._store.changes():
            try:
                self._heard(await self._store.all())
                await self._beat()
            except StoreUnavailable as error:
                if not away:
                    log.warning("the kill switch cannot be read: %s", error)
                away = True
            else:
                away = False

    def _heard(self, state: Switches) -> Switches:
        """Apply it. Of two reads that overlap the one that knows more counts."""
        if state.revision < self._state.revision:
            return state
        self._state, self._read_at = state, self._seconds()
        new = [s for s in state.on if s.kill and _identity(s) not in self._killed]
        self._killed = {_identity(switch) for switch in state.on}
        for switch in new:
            self._on_kill(switch)
        return state

    async def _beat(self) -> None:
        """Tell that this replica lives, and what it refuses by."""
        now = self._seconds()
        applied = self._state.revision
        if applied == self._me.applied and now - self._beat_at < BEAT:
            return
        me = Replica(self._me.id, self._me.started_at, self._clock.now(), applied)
        await self._store.beat(me)
        self._me, self._beat_at = me, now


def check(switch: Switch) -> None:
    """Raises InvalidInput for a switch that makes no sense, or that nobody could account for."""
    named = (bool(switch.workspace), bool(switch.project))
    wanted = {
        Scope.GLOBAL: (False, False),
        Scope.WORKSPACE: (True, False),
        Scope.PROJECT: (True, True),
    }
    if named != wanted[switch.scope]:
        raise InvalidInput(
            f"The scope {switch.scope} does not fit the workspace and project that were named.",
            hint="global names none, workspace names a workspace, project names both.",
        )
    for what, text in (("reason", switch.reason), ("author", switch.author)):
        if not text.strip() or len(text) > LONGEST:
            raise InvalidInput(
                f"The {what} has 1 to {LONGEST} characters.",
                hint="Those who are refused are told why and by whom.",
            )


def refusal(switch: Switch) -> SwitchedOff:
    whose = {
        Scope.GLOBAL: "Dev containers are",
        Scope.WORKSPACE: "Dev containers of this workspace are",
        Scope.PROJECT: "The dev container of this project is",
    }[switch.scope]
    return SwitchedOff(
        f"{whose} switched off: {switch.reason} ({switch.author}, {switch.at:%Y-%m-%d %H:%M} UTC)",
        detail={"reason": switch.reason, "author": switch.author, "scope": switch.scope.value},
    )


def _identity(switch: Switch) -> tuple[object, ...]:
    return (switch.scope, switch.workspace, switch.project, switch.at)
