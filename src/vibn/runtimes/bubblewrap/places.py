"""Where the files of a box lie on this host.

BASE/agent/                    the agent's zipapp
BASE/host/VERSION/             copies of what programs need of the host's /etc
BASE/boxes/ID/box.json         what the box is: its labels, limits, host uid
BASE/boxes/ID/life.json        which processes it is now, and how it last ended
BASE/boxes/ID/{run,etc,home,tmp}
BASE/volumes/ID/volume.json    whose volumes these are
BASE/volumes/ID/{workspace,cache}
BASE/locks/ID                  held while a verb changes the box
BASE/trash/                    what is being deleted
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vibn.errors import InvalidInput

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one box."""

    base: Path
    box_id: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.box_id):
            raise InvalidInput(f"Not a box id: {self.box_id!r}.")

    @property
    def box(self) -> Path:
        return self.base / "boxes" / self.box_id

    @property
    def record(self) -> Path:
        return self.box / "box.json"

    @property
    def life(self) -> Path:
        return self.box / "life.json"

    @property
    def report(self) -> Path:
        """Where bwrap itself writes the pid and, at the end, the exit status."""
        return self.box / "report.json"

    @property
    def complaints(self) -> Path:
        """stderr of bwrap and of the agent's main process, from the last start."""
        return self.box / "stderr"

    @property
    def run(self) -> Path:
        return self.box / "run"

    @property
    def socket(self) -> Path:
        return self.run / "agent.sock"

    @property
    def etc(self) -> Path:
        return self.box / "etc"

    @property
    def home(self) -> Path:
        return self.box / "home"

    @property
    def tmp(self) -> Path:
        return self.box / "tmp"

    @property
    def volumes(self) -> Path:
        return self.base / "volumes" / self.box_id

    @property
    def label(self) -> Path:
        return self.volumes / "volume.json"

    @property
    def workspace(self) -> Path:
        return self.volumes / "workspace"

    @property
    def cache(self) -> Path:
        return self.volumes / "cache"

    @property
    def lock(self) -> Path:
        return self.base / "locks" / self.box_id


def lay(base: Path) -> None:
    """Make the directories that all boxes share. Others may pass through, never list."""
    for part in ("", "agent", "host", "boxes", "volumes", "locks", "trash"):
        directory = base / part
        directory.mkdir(parents=True, exist_ok=True)
        if stat.S_IMODE(directory.stat().st_mode) != 0o711:
            directory.chmod(0o711)


def ids(base: Path, kind: str) -> Iterator[str]:
    """The ids that have a directory under ``kind`` (``boxes`` or ``volumes``)."""
    directory = base / kind
    if directory.is_dir():
        for entry in sorted(directory.iterdir()):
            if _ID.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
                yield entry.name


def passable(base: Path) -> bool:
    """Whether any user may pass through every directory down to ``base``."""
    return all(d.stat().st_mode & 0o001 for d in (base, *base.resolve().parents))
