"""Background commands: they outlive the caller, and their output is read by offsets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Job:
    """``state`` is running, exited or lost. ``size`` counts all output bytes ever written,
    ``first`` is the offset of the oldest byte kept."""

    id: str
    name: str
    cmd: str
    cwd: str
    pid: int
    state: str
    exit: int | None
    signal: str | None
    started_at: datetime
    ended_at: datetime | None = None
    size: int = 0
    first: int = 0

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class JobOutput:
    """``data`` starts at ``offset``; read on at ``next``. ``dropped`` bytes before it are gone.
    ``job`` is None in a piece of a followed job that still runs."""

    offset: int
    next: int
    dropped: int
    data: bytes
    job: Job | None = None

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")
