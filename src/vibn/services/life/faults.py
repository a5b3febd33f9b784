"""The places where the control plane can be killed, one before and one after each effect.

An effect is what the outside can see: a row written, a container made, started, stopped,
frozen, thawed or removed, a file put into the box. Each is done inside ``faults.around(effect)``,
so it cannot lack its two points. With ``VIBN_FAULTS=on`` and ``VIBN_FAULT=<point>`` the process
kills itself with SIGKILL there; the crash test does so at every point of every operation.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum


class Effect(StrEnum):
    """What changes the outside."""

    CLAIM_ROW = "claim_row"
    """The row of a new box is inserted, with the lease already on it."""
    TAKE_LEASE = "take_lease"
    RENEW_LEASE = "renew_lease"
    EXPIRE_LEASE = "expire_lease"
    """An operation was broken off: the lease ends now, the operation's name stays."""
    KEEP_ROW = "keep_row"
    """The row is saved in the middle of an operation, the lease still on it."""
    SETTLE_ROW = "settle_row"
    """The row is saved with the operation's outcome, and the lease ends."""
    DELETE_ROW = "delete_row"

    CREATE_CONTAINER = "create_container"
    START_CONTAINER = "start_container"
    THAW_CONTAINER = "thaw_container"
    STOP_CONTAINER = "stop_container"
    FREEZE_CONTAINER = "freeze_container"
    REMOVE_CONTAINER = "remove_container"
    REMOVE_VOLUMES = "remove_volumes"

    FETCH_SEED = "fetch_seed"
    """The seed's files are brought into the staging directory in the box."""
    PLACE_SEED = "place_seed"
    """They are moved from there to their place."""
    MARK_SEEDED = "mark_seeded"
    TIDY_SEED = "tidy_seed"

    ADD_WARM = "add_warm"
    CLAIM_WARM = "claim_warm"

    ADD_WORKSPACE = "add_workspace"
    ADD_PROJECT = "add_project"
    SAVE_PROJECT = "save_project"
    DELETE_PROJECT = "delete_project"

    SET_SECRET = "set_secret"
    DELETE_SECRET = "delete_secret"
    RESEAL_SECRET = "reseal_secret"
    """One value is sealed with the newest key instead of an older one."""


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"


POINTS = tuple(f"{effect}.{moment}" for effect in Effect for moment in Moment)
"""Every fault point by name, such as ``create_container.after``."""

Reach = Callable[[str], None]


class Faults:
    """Announces each point to ``reach`` as the work passes it."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    @contextmanager
    def around(self, effect: Effect) -> Iterator[None]:
        """The effect belongs inside. One that raises has no ``after``."""
        self._reach(f"{effect}.{Moment.BEFORE}")
        yield
        self._reach(f"{effect}.{Moment.AFTER}")


def _pass(_point: str) -> None:
    pass


def from_environment(environment: Mapping[str, str] = os.environ) -> Faults:
    """Faults that kill this process at the point that the environment names, else at none.

    Raises ValueError for a name that is no point, so that a misspelt one is not silently passed.
    """
    chosen = environment.get("VIBN_FAULT", "")
    if environment.get("VIBN_FAULTS") != "on" or not chosen:
        return Faults(_pass)
    if chosen not in POINTS:
        raise ValueError(f"VIBN_FAULT={chosen} is not a fault point")

    def die(point: str) -> None:
        if point == chosen:
            os.kill(os.getpid(), signal.SIGKILL)

    return Faults(die)
