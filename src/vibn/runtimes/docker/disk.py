"""A disk limit for a box: its volumes lie on an ext4 image of that size, on a loop device.

    <root>/<box id>/disk.img    the image, sparse: it takes what the box wrote
    <root>/<box id>/disk/       where it is mounted: workspace/, cache/, tmp/, var-tmp/

The volumes bind ``disk/workspace`` and ``disk/cache``, which exist only while the image is
mounted: after a reboot the engine cannot start a box on an empty directory by mistake, and
``start`` mounts the image first.

Blocking calls; use a thread. Each is idempotent and safe against another process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vibn.errors import BoxFailed

PROGRAMS = ("mkfs.ext4", "e2fsck", "resize2fs", "mount", "umount", "losetup")
SMALLEST = 16 << 20
"""The least size an ext4 image is made with; a lower limit is raised to it."""
UID = 1000
RELEASE = 10.0
"""How long the kernel may take to let go of an unmounted image, in seconds."""
_SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


class DiskFailed(Exception):
    """A program that makes or mounts images failed; the text is its own."""


def missing() -> str:
    """Why images cannot be used on this host; empty when they can."""
    if os.geteuid() != 0:
        return "the control plane is not root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices (/dev/loop-control)"
    absent = [name for name in PROGRAMS if shutil.which(name, path=_SEARCH) is None]
    return f"programs are missing: {', '.join(absent)} (e2fsprogs, mount)" if absent else ""


class Disks:
    def __init__(self, root: Path) -> None:
        self.root = root

    def directory(self, box_id: str) -> Path:
        return self.root / box_id

    def image(self, box_id: str) -> Path:
        return self.directory(box_id) / "disk.img"

    def mountpoint(self, box_id: str) -> Path:
        return self.directory(box_id) / "disk"

    def unmounted(self) -> list[str]:
        """The boxes whose image exists and is not mounted, as after a reboot."""
        images = self.root.glob("*/disk.img")
        return [path.parent.name for path in images if not os.path.ismount(path.parent / "disk")]

    def ensure(self, box_id: str, size: int) -> Path:
        """Make the image unless it exists, mount it unless it is; grow it to ``size`` bytes. Of a
        box without a container: nothing may use the mount then.

        Returns where it is mounted. Raises DiskFailed where this host does not allow it; then
        nothing is left of a new image.
        """
        self.directory(box_id).mkdir(parents=True, exist_ok=True, mode=0o700)
        image = self.image(box_id)
        with self._locked(box_id):
            new = not image.exists()
            if new:
                _make(image, max(size, SMALLEST))
            try:
                self._mount(box_id)
            except DiskFailed:
                if new:
                    image.unlink()
                raise
            if image.stat().st_size < size:
                self._grow(box_id, size)
                self._mount(box_id)
        return self.mountpoint(box_id)

    def remount(self, box_id: str) -> None:
        """Mount the image where the box has one. Raises BoxFailed when that fails: the files
        are on it."""
        if not self.image(box_id).exists():
            return
        with self._locked(box_id):
            try:
                self._mount(box_id)
            except DiskFailed as exc:
                raise BoxFailed(
                    f"The disk image of the box cannot be mounted: {exc}",
                    hint=f"e2fsck -f {self.image(box_id)}",
                ) from exc

    def keep_running(self, box_id: str, runs: bool) -> None:
        """Note whether the box is meant to run. After a reboot the engine fails to start a box
        whose image is not mounted, and does not tell whether it ran before."""
        if self.directory(box_id).is_dir():
            note = self.directory(box_id) / "runs"
            note.touch() if runs else note.unlink(missing_ok=True)

    def ran(self, box_id: str) -> bool:
        return (self.directory(box_id) / "runs").exists()

    def remove(self, box_id: str) -> None:
        """Unmount and remove the image with all that is on it; none there is no error."""
        if not self.directory(box_id).is_dir():
            return
        with self._locked(box_id):
            point = self.mountpoint(box_id)
            if os.path.ismount(point):
                run("umount", "--lazy", str(point))
            if point.is_dir():
                point.rmdir()
            self.image(box_id).unlink(missing_ok=True)
        with suppress(DiskFailed):
            run("rm", "-rf", "--one-file-system", "--", str(self.directory(box_id)))

    def _mount(self, box_id: str) -> None:
        image, point = self.image(box_id), self.mountpoint(box_id)
        if os.path.ismount(point):
            return
        point.mkdir(exist_ok=True, mode=0o700)
        # ``discard`` gives the blocks of deleted files back to the host.
        mount = ("mount", "-o", "loop,nodev,nosuid,discard", str(image), str(point))
        try:
            run(*mount)
        except DiskFailed:
            run("e2fsck", "-p", str(image), ok=(0, 1))
            run(*mount)
        point.chmod(0o711)
        for name in ("workspace", "cache"):
            inner = point / name
            if not inner.exists():
                inner.mkdir(mode=0o755)
                os.chown(inner, UID, UID)

    def _grow(self, box_id: str, size: int) -> None:
        # Unmounted, because resizing a mounted one takes a right (CAP_SYS_RESOURCE) that root in
        # a virtual machine or a container may lack.
        run("umount", str(self.mountpoint(box_id)))
        self._wait_until_released(box_id)
        os.truncate(self.image(box_id), size)
        run("e2fsck", "-f", "-p", str(self.image(box_id)), ok=(0, 1))
        run("resize2fs", str(self.image(box_id)))

    def _wait_until_released(self, box_id: str) -> None:
        """A sandbox of the host that began meanwhile may have a copy of the mount for a moment:
        the file system is alive then, and must not be changed behind the kernel's back."""
        until = time.monotonic() + RELEASE
        while run("losetup", "--associated", str(self.image(box_id))).strip():
            if time.monotonic() > until:
                raise DiskFailed("the image is still in use, so it cannot grow now")
            time.sleep(0.05)

    @contextmanager
    def _locked(self, box_id: str) -> Iterator[None]:
        with (self.directory(box_id) / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _make(image: Path, size: int) -> None:
    # Made under another name: a half-made image is never taken for a box's files.
    new = image.with_name(f"disk.img.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.truncate(size)
        lazy = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", lazy, str(new))
        new.rename(image)
    finally:
        new.unlink(missing_ok=True)


def run(*command: str, ok: Sequence[int] = (0,)) -> str:
    """The program's output. Raises DiskFailed unless it ends with ``ok`` within a minute."""
    environment = {**os.environ, "PATH": _SEARCH, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise DiskFailed(str(exc)) from exc
    if done.returncode not in ok:
        raise DiskFailed(f"{command[0]}: {done.stderr.strip()[:500]}")
    return done.stdout
