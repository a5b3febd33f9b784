"""The state of one agent process: its loop, its children, its places, its counters."""

from __future__ import annotations

import os
import sys
import time

from . import libc
from .children import Children
from .cores import sha256
from .failure import Failure
from .frames import PROTOCOL
from .loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cgroup import OomCounter
    from .jobs import Jobs
    from .ledger import Ledger
    from .run import Run
    from .session import Session

VERSION = "0.1.0"
SPARE = 40
"""Descriptors that requests may not use up: looking at processes, to kill them, takes some."""
PRIVATE_ENVIRONMENT = (
    "VIBN_RUN",
    "VIBN_CHILD",
    "VIBN_KEPT",
    "VIBN_AGENT",
    "VIBN_PYTHON",
    "VIBN_START",
    "VIBN_AGAIN",
    "VIBN_SINCE",
    "VIBN_STATUS",
    "VIBN_TAKEOVER",
)
"""Variables between parts of the agent, never shown to a command."""


class Agent:
    """``workspace`` and ``state`` are absolute directories; ``state`` empty: keep nothing."""

    def __init__(self, mode: str, workspace: str, state: str, boot: str = "") -> None:
        self.null = _reserve_low_numbers()
        self.mode = mode
        self.workspace = workspace
        self.state = state
        self.boot = boot or os.urandom(8).hex()
        self.started = time.time()
        self.loop = Loop()
        self.children = Children(self.loop, self.stop)
        self.sessions: set[Session] = set()
        self.runs: dict[str, Run] = {}
        self.commands = 0
        self.environ = {
            key: value for key, value in os.environ.items() if key not in PRIVATE_ENVIRONMENT
        }
        self.listener = -1
        self._descriptors = os.sysconf("SC_OPEN_MAX") - SPARE
        self.stopping = False
        self.exit_code = 0
        self.kept = -1
        """The pipe whose closing tells the restart loop that this process ended; -1 without such
        a loop. With one, TERM need not end the jobs."""
        self.ledger: Ledger | None = None
        self.build = build_of(sys.path[0])
        self._jobs: Jobs | None = None
        self._oom: OomCounter | None = None
        self._subreaper = False

    def hello(self) -> dict[str, Any]:
        return {
            "t": "hello",
            "protocol": PROTOCOL,
            "version": VERSION,
            "build": self.build,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "pid": os.getpid(),
            "boot": self.boot,
            "mode": self.mode,
        }

    @property
    def jobs(self) -> Jobs:
        """The jobs, read from disk at the first use."""
        if self._jobs is None:
            from .jobs import Jobs

            self._jobs = Jobs(self)
        return self._jobs

    def oom_kills(self) -> int | None:
        """How many processes of the box the kernel killed for want of memory, ever."""
        if self._oom is None:
            from .cgroup import OomCounter

            self._oom = OomCounter()
        return self._oom.read()

    def next_run(self) -> str:
        """A new marker for a command; also makes this process the one that inherits orphans."""
        if not self._subreaper:
            self._subreaper = True
            libc.become_subreaper()
        self.commands += 1
        return "%s-%d" % (self.boot[:8], self.commands)

    def check_descriptor(self, fd: int) -> None:
        """Refuse what needs more descriptors when few are left (the lowest free one is given out
        first, so ``fd`` tells how many are in use). Raises Failure; ``fd`` stays the caller's."""
        if fd >= self._descriptors:
            raise Failure(
                "limit_reached",
                "The agent has no descriptors left.",
                "Wait until some commands have ended.",
            )

    def place(self, path: str) -> str:
        """The real path of a path of the protocol: ``/workspace`` may be another directory, and
        what is not absolute counts from it. Links and dots are left as they are."""
        if path == "/workspace" or path.startswith("/workspace/"):
            return self.workspace + path[10:]
        if path.startswith("/"):
            return path
        return self.workspace + "/" + path if path not in ("", ".") else self.workspace

    def stop(self, box: bool = True) -> None:
        """Begin an orderly end: say bye, end the commands, leave the loop. Jobs end too, with
        grace, when it is the end of the ``box`` or nothing would look after them."""
        if not self.stopping:
            self.stopping = True
            from .shutdown import Shutdown

            box = box or self.kept < 0
            self.exit_code = 0 if box else 143
            Shutdown(self, box).begin()


def _reserve_low_numbers() -> int:
    """Keep the descriptors below 10, which children are given, free of ours: a descriptor that is
    moved into its place could otherwise land on one that is still to be moved. Returns one that
    is open on /dev/null."""
    while True:
        fd = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        if fd >= 10:
            return fd


def build_of(path: str) -> str:
    """The SHA-256 of the zipapp at ``path``, or "source" when it is a directory."""
    try:
        with open(path, "rb") as file:
            return sha256(file.read())
    except OSError:
        return "source"
