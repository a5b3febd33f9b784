"""Commands: their output as it comes, and how they ended."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal, Self

from vibn.client.failed import CommandFailed


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a running command's output."""

    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended: ``exit`` is its status, or ``signal`` the name of what killed it.

    ``stdout`` and ``stderr`` hold a marker where the middle was cut; ``log`` is the file in the
    box with all of it. ``notes`` tell what the status alone would not: timed out, out of memory,
    what was killed or still runs.
    """

    exit: int | None
    signal: str | None
    stdout: str = ""
    stderr: str = ""
    ms: float = 0.0
    timed_out: bool = False
    oom: bool = False
    truncated: bool = False
    log: str | None = None
    killed: tuple[ProcessInfo, ...] = ()
    left: tuple[ProcessInfo, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.exit == 0

    @property
    def status(self) -> int:
        """The exit status as a shell tells it: 128 and the signal's number when one killed it."""
        if self.exit is not None:
            return self.exit
        number = getattr(signal, f"SIG{(self.signal or 'KILL').removeprefix('SIG')}", None)
        return 128 + int(number or signal.SIGKILL)

    def check(self) -> Self:
        """Itself. Raises CommandFailed unless the command ended with status 0."""
        if not self.ok:
            how = f"status {self.exit}" if self.exit is not None else f"signal {self.signal}"
            last = (self.stderr or self.stdout).strip().rsplit("\n", 1)[-1]
            detail = {"exit": self.exit, "signal": self.signal, "notes": list(self.notes)}
            raise CommandFailed(
                f"The command ended with {how}: {last[:400]}",
                hint=" ".join(self.notes),
                detail=detail,
            )
        return self
