"""What the host lends to boxes: the socket's directory, the agent's file, the CA bundle.

    <state>/docker/boxes/<box id>/    the disk image (disk.py), the socket (rundir.py)
    <state>/docker/agent.pyz          the agent of this version
    <state>/docker/ca.pem             a copy of the CA bundle, which the host may replace
    <state>/docker/engine.json        whether the engine sees these files, once found out

All of it can be lent only to an engine that sees the same file system; elsewhere the two files
are copied in.
"""

from __future__ import annotations

import errno
import json
import logging
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vibn.config import Settings
from vibn.errors import BoxFailed
from vibn.runtimes import zipapp
from vibn.runtimes.docker.disk import Disks
from vibn.runtimes.docker.rundir import RUN_IN_BOX, RunDirectories, discard, empty

AGENT_IN_BOX = "/opt/vibn/agent.pyz"
CA_IN_BOX = "/etc/vibn/ca.pem"
SOCKET_IN_BOX = f"{RUN_IN_BOX}/agent.sock"
_log = logging.getLogger(__name__)


class Host:
    def __init__(self, settings: Settings) -> None:
        self.root = settings.state_dir.resolve() / "docker"
        self.disks = Disks(self.root / "boxes")
        self.runs = RunDirectories(self.root / "boxes")
        self._ca = settings.ca_file
        self._agent: Path | None = None

    def agent(self) -> Path:
        """The agent's zipapp, under one name that is replaced by renaming: a running box keeps
        the file it has, a stopped one starts with the new."""
        path = self.root / "agent.pyz"
        if self._agent is None or not path.exists():
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
            try:
                self._agent = zipapp.build(self.root / "agents", python)
            except (OSError, subprocess.SubprocessError) as exc:
                raise BoxFailed(f"The agent's file could not be built: {exc}") from exc
            if not path.exists() or not path.samefile(self._agent):
                new = _beside(path)
                new.hardlink_to(self._agent)
                new.rename(path)
                new.unlink(missing_ok=True)  # renaming onto the same file leaves both names
        return path

    def ca(self) -> Path | None:
        """The copy of the CA bundle, brought up to date; None when there is no bundle."""
        if self._ca is None:
            return None
        copy = self.root / "ca.pem"
        try:
            content = self._ca.read_bytes()
        except OSError:
            return copy if copy.exists() else None
        if not copy.exists() or copy.read_bytes() != content:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = _beside(copy)
            new.write_bytes(content)
            new.chmod(0o644)
            new.rename(copy)
        return copy

    def temporary(self, box_id: str) -> Sequence[tuple[Path, str]]:
        """Empty directories on the box's disk image for /tmp and /var/tmp, for a container that
        is made anew. None when the disk is so full that they cannot be made."""
        image = self.disks.mountpoint(box_id)
        # An earlier version's directory for the socket: it holds inodes that are wanted here.
        if (image / "run").exists():
            discard(image / "run")
        made = [(image / "tmp", "/tmp"), (image / "var-tmp", "/var/tmp")]
        try:
            for path, _ in made:
                empty(path, 0o1777)
        except OSError as exc:
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _log.warning("/tmp of box %s lies outside of its disk, which is full", box_id)
            return ()
        return made

    def remembered(self, engine_id: str) -> bool | None:
        """Whether that engine sees our files, as found out before in this very place."""
        try:
            found = json.loads((self.root / "engine.json").read_text())
        except (OSError, ValueError):
            return None
        if found.get("place") != _place(engine_id):
            return None
        return bool(found.get("shared"))

    def remember(self, engine_id: str, shared: bool) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = _beside(self.root / "engine.json")
        new.write_text(json.dumps({"place": _place(engine_id), "shared": shared}))
        new.rename(self.root / "engine.json")


def _beside(path: Path) -> Path:
    """A new name in the same directory, for a file that is made whole and then renamed."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _place(engine_id: str) -> Mapping[str, str]:
    """This boot, this view of the file system, that engine."""
    return {
        "engine": engine_id,
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "mounts": str(Path("/proc/self/ns/mnt").readlink()),
    }
