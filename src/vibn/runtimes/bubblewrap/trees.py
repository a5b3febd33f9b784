"""Whole trees that a box filled: deleted, or given to another user, however deep they are.

A box may nest directories until neither a path nor a stack reaches the last. Links are never
followed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import subprocess
from itertools import islice
from pathlib import Path

from vibn.errors import RuntimeUnavailable
from vibn.runtimes.bubblewrap.commands import SYSTEM_PATH

_BATCH = 1024
_CHOWN_WITHIN = 600.0
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def delete(directory: Path) -> None:
    """Delete a tree, directories without permissions included, with two descriptors. It may be
    gone already, and others may delete it at the same time. Raises OSError."""
    try:
        top = _open(os.fspath(directory))
    except FileNotFoundError:
        return
    try:
        while True:
            with os.scandir(top) as entries:
                found = [(e.name, e.is_dir(follow_symlinks=False)) for e in islice(entries, _BATCH)]
            for name, is_directory in found:
                if is_directory:
                    _flatten(name, top)
                else:
                    _unlink(name, top)
            if not found and _remove(os.fspath(directory)):
                return
    finally:
        os.close(top)


def give(tree: Path, uid: int) -> None:
    """Give a tree to another user and group of the host. Raises RuntimeUnavailable."""
    words = ["chown", "--recursive", "-P", "--no-dereference", f"{uid}:{uid}", "--", str(tree)]
    try:
        subprocess.run(
            words,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"},
            timeout=_CHOWN_WITHIN,
        )
    except subprocess.TimeoutExpired as exc:
        raise RuntimeUnavailable(f"Giving {tree} to its user took too long.") from exc
    except subprocess.CalledProcessError as exc:
        said = exc.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeUnavailable(f"{tree} cannot be given to its user: {said[-1:]}.") from exc


def _flatten(name: str, top: int) -> None:
    """Delete the directory ``name`` of ``top``; the directories in it become entries of ``top``,
    so that nothing is ever more than one level away."""
    try:
        inner = _open(name, top)
    except FileNotFoundError:
        return
    try:
        while True:
            with os.scandir(inner) as entries:
                found = [(e.name, e.is_dir(follow_symlinks=False)) for e in islice(entries, _BATCH)]
            for entry, is_directory in found:
                if is_directory:
                    _hoist(entry, inner, top)
                else:
                    _unlink(entry, inner)
            if not found and _remove(name, top):
                return
    finally:
        os.close(inner)


def _hoist(name: str, inner: int, top: int) -> None:
    free = f".{secrets.token_hex(16)}"
    try:
        os.rename(name, free, src_dir_fd=inner, dst_dir_fd=top)
    except FileNotFoundError:
        return
    except PermissionError:
        # A directory that changes its parent must itself be writable, but for root.
        os.close(_open(name, inner))
        os.rename(name, free, src_dir_fd=inner, dst_dir_fd=top)


def _open(name: str, parent: int | None = None) -> int:
    """A directory to read and to change. One of ours whose mode forbids that gets another."""
    passing = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(passing).st_mode)
        if mode & 0o700 != 0o700:
            # The mode of a descriptor without rights can only be set by this name of it.
            Path(f"/proc/self/fd/{passing}").chmod(mode | 0o700)
        return os.open(".", os.O_RDONLY | _DIRECTORY, dir_fd=passing)
    finally:
        os.close(passing)


def _unlink(name: str, parent: int) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return


def _remove(name: str, parent: int | None = None) -> bool:
    """Whether the directory is gone; not when something came into it."""
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError as exc:
        if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True
