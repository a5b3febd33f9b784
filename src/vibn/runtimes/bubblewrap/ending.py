"""Ending, freezing and thawing the processes of one box."""

from __future__ import annotations

import asyncio
import os
import signal

from vibn.errors import RuntimeUnavailable
from vibn.runtimes.bubblewrap.cgroups import Group
from vibn.runtimes.bubblewrap.threads import complete
from vibn.runtimes.processes import Process

_OURS = ("vibn-agent", "vibn-main")
_AGENT_WITHIN = 2.0
"""Seconds that the agent has to end by itself."""
_KILL_WITHIN = 10.0


async def end(box: Process, grace: float) -> None:
    """End every process of the box: TERM to all but the agent, then to the agent, then KILL to
    the first process, with which the kernel ends its pid namespace. Waits until it is gone.

    ``grace`` seconds are for the processes that the agent's user started.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(0.0, grace)
    for process in box.descendants():
        if process.name() not in _OURS:
            process.send(signal.SIGTERM)
    while loop.time() < deadline and _others(box):  # noqa: ASYNC110 - nothing tells their end
        await asyncio.sleep(0.01)
    if grace > 0 and box.send(signal.SIGTERM) and await gone(box, _AGENT_WITHIN):
        return
    box.send(signal.SIGKILL)
    if not await gone(box, _KILL_WITHIN):
        raise RuntimeUnavailable(f"The box's first process {box.pid} does not end.")


def _others(box: Process) -> bool:
    return any(process.name() not in _OURS for process in box.descendants())


async def gone(process: Process, within: float) -> bool:
    """Wait for its end; False when it lives on after ``within`` seconds."""
    fd = process.open()
    if fd is None:
        return True
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        async with asyncio.timeout(within):
            await readable.wait()
        return True
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(fd)
        os.close(fd)


async def freeze(box: Process, group: Group | None) -> None:
    """Stop everything where it is. Raises RuntimeUnavailable."""
    if group is not None and group.can_freeze():
        await _switch(group, True)
        return
    # Without a freezer: again until a pass finds nothing that still runs, because what was not
    # yet stopped may have started more. One in state D that was asked waits for a child that
    # stands (vfork), or for a disk, and stops before it runs again.
    asked: set[Process] = set()
    for _ in range(500):
        states = {p: p.state() for p in (box, *box.descendants())}
        running = {
            p for p, s in states.items() if s not in "TtXZ" and not (s == "D" and p in asked)
        }
        if not running:
            return
        for process in running:
            process.send(signal.SIGSTOP)
        asked |= running
        await asyncio.sleep(0.001)
    raise RuntimeUnavailable("The processes of the box could not all be stopped.")


async def thaw(box: Process, group: Group | None) -> None:
    """Let everything go on. Raises RuntimeUnavailable."""
    if group is not None and group.can_freeze():
        await _switch(group, False)
        return
    for process in (*reversed(list(box.descendants())), box):
        process.send(signal.SIGCONT)


def is_frozen(box: Process, group: Group | None) -> bool:
    if group is not None and group.can_freeze():
        return group.is_frozen()
    return box.state() in "Tt"


async def _switch(group: Group, frozen: bool) -> None:
    try:
        await complete(group.freeze, frozen)
    except (OSError, TimeoutError) as exc:
        raise RuntimeUnavailable(f"The cgroup freezer failed: {exc}.") from exc
