"""Limits and the freezer through control groups, version 1 (and its hybrid) or version 2.

Each box has a group of its own, ``vibn-INSTALLATION/BOX``, in every hierarchy used, made anew by
each start: so the count of out-of-memory kills is of this life. The group of the last life stays
until the next start or the removal, for that count.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vibn.models import Limits

ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000
"""Microseconds over which a CPU quota counts."""
_FREEZE_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where groups can be made: the parent directory for each controller.

    ``version`` 2 has all controllers in one directory. A controller that is missing here cannot
    be used by us on this host.
    """

    version: int
    parents: dict[str, Path]

    @property
    def name(self) -> str:
        return f"cgroup v{self.version}"

    def group(self, box_id: str) -> Group:
        places = {controller: path / box_id for controller, path in self.parents.items()}
        return Group(self.version, places)


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one box: its directory for each controller."""

    version: int
    places: dict[str, Path]

    @property
    def directories(self) -> Sequence[Path]:
        return tuple(dict.fromkeys(self.places.values()))

    @property
    def entrances(self) -> Sequence[Path]:
        """Files to which a process writes 0 to enter."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def make(self, limits: Limits) -> set[str]:
        """Make it, empty and fresh, and set the limits. Returns the names of those now held.

        Raises OSError when the group cannot be made or still has processes.
        """
        self.remove()
        for directory in self.directories:
            directory.mkdir(parents=True)
        held: set[str] = set()
        for limit, settings in _settings(self.version, limits).items():
            if limit in self.places and _apply(self.places[limit], settings):
                held.add(limit)
        return held

    def remove(self) -> None:
        """Remove it if it is there, and kill what is in it: a start that was cut short by the
        end of its control plane. Raises OSError when that does not end within a second."""
        if self.can_freeze() and self.is_frozen():
            self.freeze(False)
        for directory in self.directories:
            deadline = time.monotonic() + 1.0
            while True:
                for pid in _read(directory / "cgroup.procs").split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                try:
                    directory.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    # The last process's exit reaches the group a moment after its parent.
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.002)
            with contextlib.suppress(OSError):
                directory.parent.rmdir()

    def can_freeze(self) -> bool:
        directory = self.places.get("freezer")
        return directory is not None and directory.is_dir()

    def freeze(self, frozen: bool) -> None:
        """Freeze or thaw all of it, and wait until it is so. Raises OSError, TimeoutError."""
        directory = self.places["freezer"]
        deadline = time.monotonic() + _FREEZE_WITHIN
        if self.version == 2:
            _write(directory / "cgroup.freeze", "1" if frozen else "0")
        while True:
            if self.version == 1:
                # Written again each time: a group that just forked may need a second asking.
                _write(directory / "freezer.state", "FROZEN" if frozen else "THAWED")
            if self.is_frozen() == frozen:
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the freezer did not finish")
            time.sleep(0.001)

    def is_frozen(self) -> bool:
        directory = self.places.get("freezer")
        if directory is None:
            return False
        if self.version == 1:
            return _read(directory / "freezer.state").strip() in ("FROZEN", "FREEZING")
        return _counter(directory / "cgroup.events", "frozen") == 1

    def oom_kills(self) -> int:
        """Processes of this life that the kernel killed for want of memory."""
        directory = self.places.get("memory")
        if directory is None:
            return 0
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _counter(directory / name, "oom_kill")

    def views(self) -> Sequence[tuple[Path, str]]:
        """What to show read-only inside, so that programs find their limits: (ours, there)."""
        if self.version == 2:
            return [(directory, str(ROOT)) for directory in self.directories]
        return [(path, str(ROOT / _v1_name(name))) for name, path in self.places.items()]


def detect(name: str, root: Path = ROOT) -> Hierarchies | None:
    """Where groups of ours, under a directory called ``name``, can be made; None: nowhere."""
    if (root / "cgroup.controllers").is_file():
        return _detect_v2(name, root)
    parents: dict[str, Path] = {}
    for controller in ("memory", "pids", "cpus", "freezer"):
        top = root / _v1_name(controller)
        if (top / "cgroup.procs").is_file() and _can_make(top / name):
            parents[controller] = top / name
    return Hierarchies(1, parents) if parents else None


def _detect_v2(name: str, root: Path) -> Hierarchies | None:
    """The outermost directory where we may make groups: boxes must outlive our own group."""
    own = root / _own_v2().lstrip("/")
    for top in [*reversed([p for p in own.parents if p == root or root in p.parents]), own]:
        parent = top / name
        if not _can_make(parent):
            continue
        wanted = {"memory": "memory", "pids": "pids", "cpus": "cpu"}
        parents = {"freezer": parent}
        try:
            parent.mkdir(exist_ok=True)
            for limit, controller in wanted.items():
                if _delegate(top, controller) and _delegate(parent, controller):
                    parents[limit] = parent
        except OSError:
            continue
        finally:
            with contextlib.suppress(OSError):
                parent.rmdir()
        return Hierarchies(2, parents)
    return None


def _delegate(directory: Path, controller: str) -> bool:
    """Let groups below ``directory`` use the controller; False where that is refused."""
    file = directory / "cgroup.subtree_control"
    if controller in _read(file).split():
        return True
    return _write(file, f"+{controller}")


def _own_v2() -> str:
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        if line.startswith("0::"):
            return line[3:]
    return "/"


def _can_make(directory: Path) -> bool:
    if directory.is_dir():
        return os.access(directory, os.W_OK)
    try:
        directory.mkdir()
    except OSError:
        return False
    directory.rmdir()
    return True


def _v1_name(limit: str) -> str:
    return "cpu" if limit == "cpus" else limit


def _settings(version: int, limits: Limits) -> dict[str, list[tuple[str, str, bool]]]:
    """The files that hold each limit: (name, content, whether the limit stands on it)."""
    quota, memory = int(limits.cpus * _PERIOD), str(limits.memory)
    if version == 2:
        return {
            "memory": [("memory.max", memory, True), ("memory.swap.max", "0", False)],
            "pids": [("pids.max", str(limits.pids), True)],
            "cpus": [("cpu.max", f"{quota} {_PERIOD}", True)],
        }
    return {
        "memory": [
            ("memory.limit_in_bytes", memory, True),
            # Memory and swap together; absent where swap is not accounted.
            ("memory.memsw.limit_in_bytes", memory, False),
        ],
        "pids": [("pids.max", str(limits.pids), True)],
        "cpus": [
            ("cpu.cfs_period_us", str(_PERIOD), True),
            ("cpu.cfs_quota_us", str(quota), True),
        ],
    }


def _apply(directory: Path, settings: list[tuple[str, str, bool]]) -> bool:
    done = [_write(directory / name, text) or not needed for name, text, needed in settings]
    return all(done)


def _write(file: Path, text: str) -> bool:
    try:
        with file.open("w") as stream:
            stream.write(text)
    except OSError:
        return False
    return True


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _counter(file: Path, key: str) -> int:
    for line in _read(file).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == key and words[1].isdigit():
            return int(words[1])
    return 0
