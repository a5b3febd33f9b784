"""A lock that processes of this host share; the kernel drops it when its holder dies."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vibn.errors import BoxBusy


@asynccontextmanager
async def held(path: Path, within: float = 60.0) -> AsyncIterator[None]:
    """Hold the lock ``path``; it is made when missing. Raises BoxBusy after ``within`` seconds."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + within, 0.001
    fd = -1
    try:
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _take(fd, path):
                break
            os.close(fd)
            fd = -1
            if loop.time() > deadline:
                raise BoxBusy(f"Another operation held {path.name} for {within:g} s.")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        yield
    finally:
        if fd >= 0:
            os.close(fd)


def _take(fd: int, path: Path) -> bool:
    """Take the lock, if it is free and ``path`` still is the file that was opened."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
