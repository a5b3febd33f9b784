"""The directory of a box's agent socket: new and empty before every start.

    <root>/<box id>/lent/       a small tmpfs, where we may mount one; else a plain directory
    <root>/<box id>/lent/run    what the box has as /run/vibn

The box can write it, so nothing that it leaves there may outlive the box's run: it could put a
directory in the socket's place. And it lies apart from the box's files, whose disk the box can
fill to the last inode. ``run`` is gone while the tmpfs is not mounted: after a reboot the engine
cannot start a box on the host's own disk by mistake.

Blocking calls; use a thread. ``renew`` only while the box does not run, under ``starting``.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from vibn.errors import Conflict
from vibn.runtimes.docker import disk

RUN_IN_BOX = "/run/vibn"
OPTIONS = "size=1m,nr_inodes=256,nosuid,nodev,noexec,mode=0711"
PATIENCE = 180.0
"""How long another hand's start of the same box is waited for, in seconds."""
_log = logging.getLogger(__name__)


class RunDirectories:
    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, box_id: str) -> Path:
        return self._root / box_id / "lent" / "run"

    def unmounted(self) -> list[str]:
        """The boxes whose directory is gone, as after a reboot."""
        return [p.parent.name for p in self._root.glob("*/lent") if not (p / "run").exists()]

    def renew(self, box_id: str) -> Path:
        """An empty directory for the box's user, whatever was there before. Of a box that does
        not run."""
        path = self.path(box_id)
        self._release(box_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        if os.geteuid() == 0:
            try:
                disk.run("mount", "-t", "tmpfs", "-o", OPTIONS, "vibn-run", str(path.parent))
            except disk.DiskFailed as exc:
                _log.warning("the socket of box %s lies on the host's disk: %s", box_id, exc)
        empty(path)
        return path

    def renew_source(self, box_id: str, source: Path) -> None:
        """The same for a box whose container has ``source``, where an earlier version put it.
        A directory that is not this box's is left alone."""
        if source == self.path(box_id):
            self.renew(box_id)
        elif source in (self._root / box_id / "run", self._root / box_id / "disk" / "run"):
            empty(source)

    def remove(self, box_id: str) -> None:
        """Unmount and remove it; none there is no error."""
        self._release(box_id)
        if self.path(box_id).parent.exists():
            discard(self.path(box_id).parent)

    def _release(self, box_id: str) -> None:
        point = self.path(box_id).parent
        while os.path.ismount(point):
            disk.run("umount", "--lazy", str(point))

    @asynccontextmanager
    async def starting(self, box_id: str) -> AsyncIterator[None]:
        """Held by one hand at a time, in all processes of this host: a second one would take
        the directory from under the box that the first has just started."""
        place = self._root / box_id
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        until = asyncio.get_running_loop().time() + PATIENCE
        with (place / "starting").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if asyncio.get_running_loop().time() > until:
                        raise Conflict("Another hand is still starting the box.") from None
                await asyncio.sleep(0.02)
            yield


def binds(container: Mapping[str, Any]) -> dict[str, Path]:
    """The host's paths that the container has, by their place in the box."""
    mounts = container.get("Mounts") or ()
    return {m["Destination"]: Path(m["Source"]) for m in mounts if m.get("Type") == "bind"}


def empty(path: Path, mode: int = 0o700) -> None:
    """An empty directory of the box's user at ``path``, in the place of whatever is there; its
    parent must be out of the box's reach."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f".gone.{secrets.token_hex(4)}"))
    for gone in path.parent.glob(".gone.*"):
        discard(gone)
    path.mkdir()
    if os.geteuid() == 0:
        os.chown(path, disk.UID, disk.UID)
        path.chmod(mode)
    else:
        path.chmod(mode | 0o777)  # the box's user is another than ours


def discard(path: Path) -> None:
    """Remove a tree that a box wrote: ``rm`` follows no link and knows no depth that is too
    much. What cannot be removed is logged, and stays."""
    try:
        disk.run("rm", "-rf", "--one-file-system", "--", str(path))
    except disk.DiskFailed as exc:
        _log.warning("%s could not be removed: %s", path, exc)
