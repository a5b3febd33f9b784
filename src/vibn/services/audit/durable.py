"""Small files that are whole on the disk, whatever happens while they are written, and ours alone
(mode 0600)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from secrets import token_hex


def make(path: Path, data: bytes) -> None:
    """Of several processes at once one makes the file; what is there stays. Raises OSError."""
    draft = _draft(path, data)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    _sync(path.parent)


def put(path: Path, data: bytes) -> None:
    """Write, or replace at once what is there. Raises OSError."""
    draft = _draft(path, data)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
