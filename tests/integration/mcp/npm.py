"""The programs from npm that the tests drive, as the lock file holds them."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
STAMP = MODULES / ".vibn-lock"
INSTALL_S = 300


@dataclass(frozen=True)
class Ran:
    status: int
    output: str


async def node(script: str, *args: str, cwd: Path, timeout: float = 240) -> Ran:
    """Run a script of a package to its end, with stdout and stderr as one text. ``cwd`` is its
    home too."""
    process = await asyncio.create_subprocess_exec(
        _node(),
        MODULES / script,
        *args,
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return Ran(process.returncode or 0, output.decode(errors="replace"))


def _node() -> str:
    """The locked Node: what the system has may be too old, or missing."""
    found = sorted(MODULES.glob("node-linux-*/bin/node"))
    return str(found[0]) if found else "node"


def install() -> None:
    """What the lock file names, once for each lock; skips the test where that is not possible."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers, one directory
        if STAMP.is_file() and STAMP.read_text() == locked:
            return
        command = [npm, "ci", "--loglevel=error"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_S)
        if done.returncode:
            pytest.skip(f"npm could not install: {done.stderr.strip()[-300:]}")
        STAMP.write_text(locked)
