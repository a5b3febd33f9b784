"""The values that cross layers. All are frozen; a change is a new value.

Times are timezone-aware UTC datetimes, durations are seconds (float) unless a name ends in
``_ms``, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self


class BoxState(StrEnum):
    """What the table says of a box. No row is ``absent``, which is never stored."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    SUSPENDED = "suspended"
    FAILED = "failed"
    ABSENT = "absent"


class Tier(StrEnum):
    """How deep a suspended box sleeps: memory kept, or processes gone."""

    FROZEN = "frozen"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a box may use at most. A runtime that cannot apply one says so in ``status``."""

    cpus: float = 1.0
    memory: int = 1 << 30
    disk: int = 10 * (1 << 30)
    pids: int = 512
    log: int = 10 * (1 << 20)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The tenant."""

    id: str
    slug: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a project's first files come from: a git URL (and ref), or an archive's bytes.

    ``url`` is fetched from inside the box, so no credential of ours is used; ``archive`` is the
    path, on the control plane's host, of a tar file that is unpacked inside the box.
    """

    url: str = ""
    ref: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """One app being built; belongs to one workspace."""

    id: str
    workspace: str
    """The workspace's slug, as in the seed's tables."""
    slug: str
    name: str
    created_at: datetime
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables set in every command of the box. Secrets are kept apart."""
    limits: Limits | None = None
    """None: the installation's defaults."""
    seed: Seed | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """The row of one dev container (``fs_project_dev_containers``).

    ``version`` grows by one with each save; a save names the version it read, so two writers
    can never both win. ``operation``, ``operation_owner`` and ``operation_until`` are the lease
    under which one control plane changes the container; an expired lease may be taken over.
    """

    project_id: str
    workspace: str
    box_id: str
    """Random; names, labels and volumes carry it. A warm box gets its project later."""
    service_uuid: str
    """The runtime's own handle of the box; empty until it was created."""
    image: str
    state: BoxState
    last_active_at: datetime
    created_at: datetime
    suspended_at: datetime | None = None
    tier: Tier | None = None
    reason: str = ""
    """Why it failed, for a person."""
    runtime: str = ""
    operation: str = ""
    operation_owner: str = ""
    operation_until: datetime | None = None
    seeded: bool = False
    version: int = 0

    def running(self, at: datetime, handle: str | None = None) -> Self:
        return replace(
            self,
            state=BoxState.RUNNING,
            service_uuid=self.service_uuid if handle is None else handle,
            last_active_at=at,
            suspended_at=None,
            tier=None,
            reason="",
        )

    def suspended(self, at: datetime, tier: Tier) -> Self:
        return replace(self, state=BoxState.SUSPENDED, suspended_at=at, tier=tier, reason="")

    def failed(self, reason: str) -> Self:
        return replace(self, state=BoxState.FAILED, reason=reason)

    def leased(self, operation: str, owner: str, until: datetime) -> Self:
        return replace(self, operation=operation, operation_owner=owner, operation_until=until)

    def released(self) -> Self:
        return replace(self, operation="", operation_owner="", operation_until=None)


class RuntimeState(StrEnum):
    """What a runtime says of a container, live."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    FROZEN = "frozen"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """All that a runtime needs to make a box. ``project`` is the slug set inside the box."""

    box_id: str
    project: str
    workspace: str
    image: str
    limits: Limits = Limits()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    start: bool = True


@dataclass(frozen=True, slots=True)
class BoxRef:
    """Names a box to its runtime: our id, and the runtime's handle (``service_uuid``)."""

    box_id: str
    handle: str


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """A live look at one box. ``unapplied`` names the limits that this runtime could not set."""

    state: RuntimeState
    reason: str = ""
    oom_killed: bool = False
    exit_code: int | None = None
    started_at: datetime | None = None
    image: str = ""
    unapplied: tuple[str, ...] = ()
    limits_by: str = ""
    """What holds the limits: ``cgroup v2``, ``cgroup v1``, ``rlimits`` or ``engine``."""


@dataclass(frozen=True, slots=True)
class OwnedBox:
    """One box that this installation owns, as ``Runtime.list`` finds it by label."""

    ref: BoxRef
    state: RuntimeState
    image: str
    created_at: datetime | None = None
    has_container: bool = True
    """False: only volumes are left. Volumes outlive containers and are never swept."""


class EventKind(StrEnum):
    DIED = "died"
    OOM = "oom"
    STARTED = "started"
    STOPPED = "stopped"
    REMOVED = "removed"
    RESYNC = "resync"
    """The stream broke and came back: anything may have changed; reconcile."""


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    kind: EventKind
    ref: BoxRef | None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runtime can do. Services ask this, never which runtime it is."""

    freeze: bool
    root: bool
    address: bool
    own_network: bool
    disk_limit: bool
    isolation: str
    """One line for a person: how strongly boxes are kept apart."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``vibn doctor``. ``fix`` is the command or the change that mends it."""

    severity: Severity
    subject: str
    message: str
    fix: str = ""
