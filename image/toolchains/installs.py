"""Installed toolchains: finding one, and installing it under a lock.

A version lies in ``$MISE_DATA_DIR/installs/TOOL/VERSION`` with its commands in ``bin``, where mise
finds it too, and appears there by one rename: it is whole or absent. The commands of the default
version are linked in ``~/.cache/toolchains/bin``, where the shim looks first.
"""

import fcntl
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sources
from tools import TOOLS, Failed, Tool

CACHE = Path("/home/vibn/.cache/toolchains")
INSTALLS = Path(os.environ.get("MISE_DATA_DIR", "/home/vibn/.cache/mise")) / "installs"


def say(text: str) -> None:
    print(f"vibn: {text}", file=sys.stderr, flush=True)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def find(tool: Tool, version: str) -> Path | None:
    """The newest installed version that fits, or None."""
    if tool.name == "rust":
        return sources.CARGO if linked(tool) else None
    asked = (version or tool.default).split(".") if version or tool.default else []
    places = INSTALLS / tool.name
    fitting = [
        place
        for place in (places.iterdir() if places.is_dir() else ())
        if not place.is_symlink()
        and (place / "bin").is_dir()
        and place.name.split(".")[: len(asked)] == asked
    ]
    return max(fitting, key=lambda place: numbers(place.name), default=None)


@contextmanager
def lock(tool: Tool) -> Iterator[None]:
    """One installer a tool. The kernel releases it when its holder dies."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{tool.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{tool.name} is being installed by another command; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(tool: Tool, version: str) -> Path:
    """The directory of a version that fits, installed when it is not there."""
    place = find(tool, version)
    if place is not None and (version or linked(tool)):
        return place
    try:
        with lock(tool):
            for left in CACHE.glob(f"{tool.name}.new-*"):
                shutil.rmtree(left, ignore_errors=True)
            return locked(tool, version)
    except OSError as exc:
        raise Failed(
            f"{tool.name} could not be installed: {exc}",
            f"Free space in {CACHE.parent} (df -h, du -sh {CACHE.parent}/*) and try again.",
        ) from exc


def locked(tool: Tool, version: str) -> Path:
    """As ``ensure``, for a caller that holds the tool's lock."""
    place = find(tool, version) or install(tool, version)
    if not version or version == tool.default:
        link(tool, place)
    return place


def install(tool: Tool, version: str) -> Path:
    """By mise where it is asked first, else from a package registry."""
    begun = time.monotonic()
    version = version or tool.default
    say(f"{' '.join((tool.name, version)).strip()} is not in this box yet; installing it once")
    node = TOOLS["node"]
    staging = Path(tempfile.mkdtemp(prefix=f"{tool.name}.new-", dir=CACHE))
    try:
        place = sources.by_mise(tool, version) if tool.mise else None
        if place is None:
            ready = sources.by_registry(
                tool, version, staging, lambda: (locked if tool is node else ensure)(node, "")
            )
            place = ready.place if tool.name == "rust" else settle(tool, ready)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    say(f"{tool.name} is ready after {time.monotonic() - begun:.1f} s")
    return place


def settle(tool: Tool, ready: sources.Ready) -> Path:
    place = INSTALLS / tool.name / ready.version
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        ready.place.rename(place)
    return place


def linked(tool: Tool) -> bool:
    return (CACHE / "bin" / tool.commands[0]).exists()


def link(tool: Tool, place: Path) -> None:
    """Point the shim's first look at this version. The first command goes last: it is the mark."""
    (CACHE / "bin").mkdir(exist_ok=True)
    for command in reversed(tool.commands):
        if (place / "bin" / command).exists():
            new = CACHE / "bin" / f".{command}.new"
            new.unlink(missing_ok=True)
            new.symlink_to(place / "bin" / command)
            new.rename(CACHE / "bin" / command)
