"""What a person should know of how a command ended, beside its status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibn.client import CommandResult
    from vibn.client.values import ProcessInfo


def told(result: CommandResult, project: str) -> Iterator[str]:
    """A line each."""
    if result.timed_out:
        yield "Timed out and was killed: a larger --timeout gives it more."
    if result.oom:
        yield (
            "Out of memory: the kernel killed a process of it. "
            f"`vibn projects set {project} --memory 2G` gives its next box more."
        )
    if result.killed:
        yield f"Killed: {_names(result.killed)}."
    if result.left:
        yield f"Still running in the box: {_names(result.left)}."


def _names(processes: Iterable[ProcessInfo]) -> str:
    return ", ".join(f"{one.name} ({one.pid})" for one in processes)
