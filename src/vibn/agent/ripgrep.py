"""Searching with ripgrep. It gets open files, not names: what the walk saw is what is searched,
and links, ignore files and settings of the user have no say."""

from __future__ import annotations

import os
from time import monotonic

from .failure import Failure
from .lookup import Opener
from .spawn import program, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context
    from .grep import Search

MOST_FILES = 2000
"""Files of one ripgrep process."""


class Unfit(Exception):
    """This ripgrep cannot be used."""


def find(environ: dict[str, str]) -> str | None:
    """The program, where it can be used; None otherwise."""
    if not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return program("rg", environ, "/")
    except Failure:
        return None


def search(
    ctx: Context, rg: str, root: int, search: Search, source: str
) -> Generator[Any, Any, None]:
    """Adds what is found to ``search``, in the order of its paths. Raises Unfit."""
    from resource import RLIMIT_NOFILE, getrlimit

    soft = getrlimit(RLIMIT_NOFILE)[0]
    size = MOST_FILES if soft < 0 else max(8, min(MOST_FILES, soft // 2))
    argv = _arguments(rg, search, source)
    opener = Opener(root, multiline=False)
    try:
        yield from _all(ctx, argv, opener, search, size)
    finally:
        opener.close()


def _all(
    ctx: Context, argv: list[str], opener: Opener, search: Search, size: int
) -> Generator[Any, Any, None]:
    paths = search.paths
    at = 0
    while at < len(paths) and not search.full:
        files: dict[bytes, int] = {}
        fds: list[int] = []
        try:
            while at < len(paths) and len(fds) < size:
                fd = opener.open(paths[at])
                if fd >= 0:
                    fds.append(fd)
                    files[b"/proc/self/fd/%d" % fd] = at
                at += 1
                if search.pace.due():
                    yield None
                    search.pace.rest()
            if fds:
                yield from _one(ctx, argv, fds, files, search)
        finally:
            for fd in fds:
                os.close(fd)


def _arguments(rg: str, search: Search, source: str) -> list[str]:
    argv = [rg, "--no-config", "--no-messages", "--color=never", "--no-heading", "--text"]
    argv += ["--encoding=none", "--no-mmap", "--threads=1", "--with-filename", "--null"]
    argv += ["--regex-size-limit=64M", "--dfa-size-limit=64M"]
    if search.mode == "files":
        argv.append("--files-with-matches")
    elif search.mode == "count":
        argv.append("--count")
    else:
        # Only the number is wanted: a line longer than one byte is left out of the output.
        argv += ["--line-number", "--max-columns=1"]
        if search.mode == "content":
            argv.append("--max-count=%d" % (search.limit + 1))
    return [*argv, "-e", source, "--"]


def _one(
    ctx: Context, argv: list[str], fds: list[int], files: dict[bytes, int], search: Search
) -> Generator[Any, Any, None]:
    complaints = os.memfd_create("complaints")
    ours, theirs = os.pipe()
    ended: list[int] = []
    children = ctx.agent.children
    pid = 0
    try:
        os.set_blocking(ours, False)
        for fd in fds:
            os.set_inheritable(fd, True)
        env = {"PATH": os.defpath, "LC_ALL": "C"}
        streams = ((ctx.agent.null, 0), (theirs, 1), (complaints, 2))
        pid = spawn([*argv, *map(os.fsdecode, files)], env, "/", streams)
        for fd in fds:
            os.set_inheritable(fd, False)
        children.wait(pid, ended.append)
        os.close(theirs)
        theirs = -1
        yield from _collect(ctx, ours, files, search)
        if not search.full and not search.paths_seen(files.values()):
            _judge(os.pread(complaints, 4000, 0))
    finally:
        if pid and not ended:
            # Not reaped yet, so the number is still its own.
            os.kill(pid, 9)
        for fd in (complaints, ours, theirs):
            if fd >= 0:
                os.close(fd)


def _judge(complaint: bytes) -> None:
    if b"regex" in complaint:
        text = complaint.decode("utf-8", "replace").strip()
        raise Failure("invalid_input", "wrong pattern: %s" % text[:1000])
    if complaint:
        raise Unfit(complaint)


def _collect(
    ctx: Context, fd: int, files: dict[bytes, int], search: Search
) -> Generator[Any, Any, None]:
    buffer = b""
    separator = b"\0" if search.mode == "files" else b"\n"
    while not search.full:
        left = search.deadline - monotonic()
        if left <= 0 or not (yield ctx.wait_fd(fd, left)):
            raise search.too_slow()
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if not data:
            return
        pieces = (buffer + data).split(separator)
        buffer = pieces.pop()
        for piece in pieces:
            path, _, rest = piece.partition(b"\0")
            if search.mode == "files":
                more = search.add(files[path], 1)
            else:
                more = search.add(files[path], int(rest.partition(b":")[0]))
            if not more:
                return
