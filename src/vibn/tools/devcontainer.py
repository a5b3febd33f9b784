"""Tools for the dev container itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vibn.models import BoxState, Tier
from vibn.services.calls import Call
from vibn.services.life.status import BoxStatus, Ensured
from vibn.tools.arguments import Arguments, NoArguments
from vibn.tools.telling import noted
from vibn.tools.tool import Tool


class StatusArguments(Arguments):
    live: bool = Field(
        False,
        description="Ask the runtime too, for the container's own state. Default false.",
    )


class SuspendArguments(Arguments):
    tier: Literal["stopped", "frozen"] = Field(
        "stopped",
        description=(
            "stopped (default) ends all processes and frees memory; frozen keeps them in memory "
            "and wakes faster, where the runtime can do it."
        ),
    )


async def _ensure(call: Call, _: NoArguments) -> Ensured:
    return await call.boxes.ensure(call.workspace, call.project)


def _ensured(result: Ensured) -> str:
    made = "It was made by this call." if result.created else "It was there already."
    note = f" {result.note}" if result.note else ""
    if result.state is not BoxState.RUNNING:
        return f"The dev container is {result.state}. {made}{note}"
    return f"The dev container is running; its files are in /workspace. {made}{note}"


async def _status(call: Call, arguments: StatusArguments) -> BoxStatus:
    return await call.boxes.status(call.workspace, call.project, arguments.live)


async def _suspend(call: Call, arguments: SuspendArguments) -> BoxStatus:
    return await call.boxes.suspend(call.workspace, call.project, Tier(arguments.tier))


def told(status: BoxStatus) -> str:
    """A box in a few words."""
    return f"{status.state} ({status.tier})" if status.tier else str(status.state)


def _status_told(status: BoxStatus) -> str:
    image = f"image {status.image}" if status.image else ""
    return noted(status.line, f"state {told(status)}", image, *_live(status))


def _live(status: BoxStatus) -> list[str]:
    live = status.live
    if live is None:
        return []
    notes = [f"runtime says {live.state}" + (f": {live.reason}" if live.reason else "")]
    if live.oom_killed:
        notes.append("it ran out of memory")
    if live.unapplied:
        notes.append("limits not applied here: " + ", ".join(live.unapplied))
    return notes


TOOLS = (
    Tool(
        name="devcontainer_ensure",
        title="Get the dev container ready",
        description=(
            "Make the project's dev container if there is none, and wake it if it sleeps. Safe to "
            "call at any time and as often as you like: one that runs is left as it is. The other "
            "tools do this by themselves, so it is only needed to prepare the container ahead of "
            "work, or to try again after a failed start. Returns the state, and whether this call "
            "made it. The first start takes seconds, later ones less."
        ),
        arguments=NoArguments,
        result=Ensured,
        run=_ensure,
        render=_ensured,
        idempotent=True,
    ),
    Tool(
        name="devcontainer_status",
        title="See the dev container's state",
        description=(
            "Tell whether the project's dev container exists, runs, sleeps or failed, and why. "
            "Never changes or wakes it. Returns one line for a person and the state: absent, "
            "provisioning, running, suspended (stopped or frozen) or failed."
        ),
        arguments=StatusArguments,
        result=BoxStatus,
        run=_status,
        render=_status_told,
        read_only=True,
        idempotent=True,
    ),
    Tool(
        name="devcontainer_suspend",
        title="Put the dev container to sleep",
        description=(
            "Put the project's dev container to sleep when work is over. Its files are kept; the "
            "next call that needs it wakes it. A stopped container loses its running commands and "
            "jobs. Returns the state afterwards; absent or asleep already is fine."
        ),
        arguments=SuspendArguments,
        result=BoxStatus,
        run=_suspend,
        render=_status_told,
        destructive=True,
        idempotent=True,
    ),
)
