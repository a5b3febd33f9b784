"""How a process ended, and its signals, in the words of the protocol."""

from __future__ import annotations

import os

from .cores import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .tree import Process

_NUMBERS = {
    name[3:]: int(getattr(signal, name))
    for name in dir(signal)
    if name.startswith("SIG") and not name.startswith("SIG_")
}
_NAMES = {number: name for name, number in sorted(_NUMBERS.items(), reverse=True)}


def signal_number(name: object) -> int:
    """The number of a signal such as ``INT``; 0 for one that does not exist."""
    if not isinstance(name, str):
        return 0
    return _NUMBERS.get(name[3:] if name.startswith("SIG") else name, 0)


def signal_name(number: int) -> str:
    return _NAMES.get(number, str(number))


def outcome(status: int) -> dict[str, Any]:
    """``exit`` and ``signal`` of a wait status."""
    if os.WIFSIGNALED(status):
        return {"exit": None, "signal": signal_name(os.WTERMSIG(status))}
    return {"exit": os.WEXITSTATUS(status), "signal": None}


def listing(processes: list[Process]) -> list[dict[str, Any]]:
    """At most 20 processes, to show."""
    return [{"pid": one.pid, "name": one.name} for one in processes[:20]]
