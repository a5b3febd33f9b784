"""The engine's words for a container's state, in ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from vibn.models import RuntimeState, RuntimeStatus
from vibn.runtimes.docker.owned import UNAPPLIED

_STATES = {
    "created": RuntimeState.STOPPED,
    "running": RuntimeState.RUNNING,
    "paused": RuntimeState.FROZEN,
    "restarting": RuntimeState.STARTING,
    "exited": RuntimeState.STOPPED,
    "removing": RuntimeState.ABSENT,
    "dead": RuntimeState.FAILED,
}
_LIMITS = (
    ("MemoryLimit", "memory"),
    ("SwapLimit", "swap"),
    ("CpuCfsQuota", "cpus"),
    ("PidsLimit", "pids"),
)
"""What the engine's ``info`` says it can hold, and the limit that is not held without it."""


def state_of(word: str) -> RuntimeState:
    return _STATES.get(word.lower(), RuntimeState.FAILED)


def status_of(container: Mapping[str, Any], info: Mapping[str, Any]) -> RuntimeStatus:
    """The status from the engine's ``inspect`` of the container and its ``info``."""
    found: Mapping[str, Any] = container.get("State") or {}
    state = state_of(str(found.get("Status", "")))
    error = str(found.get("Error", ""))
    if state is RuntimeState.STOPPED and error:
        state = RuntimeState.FAILED
    labels: Mapping[str, str] = (container.get("Config") or {}).get("Labels") or {}
    named = [name for name in labels.get(UNAPPLIED, "").split(",") if name]
    ended = state in (RuntimeState.STOPPED, RuntimeState.FAILED)
    return RuntimeStatus(
        state=state,
        reason=error or _reason(state, found),
        oom_killed=bool(found.get("OOMKilled")),
        exit_code=found.get("ExitCode") if ended and found.get("FinishedAt") else None,
        started_at=moment(str(found.get("StartedAt", ""))),
        image=str((container.get("Config") or {}).get("Image", "")),
        unapplied=(*named, *(name for key, name in _LIMITS if info.get(key) is False)),
        limits_by=f"cgroup v{info['CgroupVersion']}" if info.get("CgroupVersion") else "engine",
    )


def _reason(state: RuntimeState, found: Mapping[str, Any]) -> str:
    if found.get("OOMKilled"):
        return "the box ran out of memory"
    if state is RuntimeState.STARTING:
        return f"its main process ended (status {found.get('ExitCode')}) and is started again"
    return ""


def moment(text: str) -> datetime | None:
    """The engine's time stamp; its zero is the year 1."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.year > 1 else None
