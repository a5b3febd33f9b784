"""What is said of a box: for programs by fields, for people by one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vibn.models import Box, BoxState, RuntimeStatus, Tier
from vibn.services.life.operation import Operation


@dataclass(frozen=True, slots=True)
class Ensured:
    """The result of ``ensure``. ``note`` is for a person: such as why the seed failed."""

    service_uuid: str
    state: BoxState
    created: bool
    """Whether this very call made the box: of many callers at once, one gets True."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BoxStatus:
    exists: bool
    state: BoxState
    service_uuid: str
    line: str
    """What a chat shows while it starts, such as ``Spinning up your environment…``."""
    image: str = ""
    tier: Tier | None = None
    reason: str = ""
    last_active_at: datetime | None = None
    suspended_at: datetime | None = None
    live: RuntimeStatus | None = None
    """The runtime's own word, only when a live look was asked for."""


def describe(row: Box | None, live: RuntimeStatus | None = None) -> BoxStatus:
    if row is None:
        text = "No environment yet: the first call makes one."
        return BoxStatus(False, BoxState.ABSENT, "", text, live=live)
    return BoxStatus(
        exists=True,
        state=row.state,
        service_uuid=row.service_uuid,
        line=_line(row, live),
        image=row.image,
        tier=row.tier,
        reason=row.reason,
        last_active_at=row.last_active_at,
        suspended_at=row.suspended_at,
        live=live,
    )


def _line(row: Box, live: RuntimeStatus | None) -> str:
    if row.operation in set(Operation):
        return Operation(row.operation).line
    if row.state is BoxState.FAILED:
        return f"Your environment could not be started: {row.reason} The next call tries again."
    if live is not None and row.state is BoxState.RUNNING and live.state.value != "running":
        return f"Your environment is {live.state}: the next call brings it back."
    if row.state is BoxState.SUSPENDED:
        waking = "in a blink" if row.tier is Tier.FROZEN else "in a moment"
        return f"Your environment is asleep: the next call wakes it {waking}."
    if row.state is BoxState.PROVISIONING:
        return Operation.CREATE.line
    return f"Your environment is ready. {row.reason}".strip()
