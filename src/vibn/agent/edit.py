"""Exact replacement of text in a file, bytes and line endings kept."""

from __future__ import annotations

import os

from . import digest
from .args import REQUIRED, take
from .failure import Failure, from_os_error
from .files import check
from .paths import Root, locate, open_entry, require_file
from .replace import Replacement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context

MAX_SIZE = 16 << 20
"""Bytes; a larger file is not edited in memory."""
SHOWN = 20
_EDIT = {
    "path": (str, REQUIRED),
    "old": (str, REQUIRED),
    "new": (str, REQUIRED),
    "all": (bool, False),
    "expect_sha256": (str, None),
}


def handle(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    from .change import line_number, nearest, unified

    a = take(args, _EDIT)
    old, new = _encoded("old", a["old"]), _encoded("new", a["new"])
    if not old:
        raise Failure("invalid_input", "old is empty", "Use fs_write to make a file.")
    if old == new:
        raise Failure("invalid_input", "old and new are the same: there is nothing to change")
    with Root(ctx.root) as root, locate(root, a["path"]) as place:
        info = place.stat()
        if info is None:
            raise place.missing()
        require_file(info, place.path)
        if info.st_size > MAX_SIZE:
            raise _too_large(place.path, info.st_size)
        opened = open_entry(place.folder, place.name, place.path)
        if opened is None:
            raise Failure("conflict", "%s is being replaced" % place.path)
        try:
            data = _content(opened[0], place.path)
        finally:
            os.close(opened[0])
        before = digest.sha256(data).hexdigest()
        digest.expect(before, a["expect_sha256"], place.path)
        old, new = endings(data, old, new)
        first = data.find(old)
        if first < 0:
            found = yield from nearest(data, old)
            raise Failure(
                "edit_no_match",
                "old does not occur in %s" % place.path,
                detail={"nearest": found},
            )
        if not a["all"] and data.find(old, first + 1) >= 0:
            raise _ambiguous(data, old, place.path)
        count = data.count(old) if a["all"] else 1
        changed = data.replace(old, new, count)
        if len(changed) > 2 * MAX_SIZE:
            raise _too_large(place.path, len(changed))
        with Replacement(place) as content:
            content.write(changed)
            # Another program in the box may have written since it was read.
            check(content, before)
            content.commit()
        return {
            "replaced": count,
            "size": len(changed),
            "sha256": digest.sha256(changed).hexdigest(),
            "line": line_number(data, first),
            "diff": unified(data, old, new, count, place.path),
        }, b""


def _encoded(key: str, text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Failure("invalid_input", "%s is not Unicode text" % key) from None


def _too_large(path: str, size: int) -> Failure:
    return Failure(
        "too_large",
        "%s is too large to edit" % path,
        "Change it with a command, such as sed.",
        {"size": size, "max": MAX_SIZE},
    )


def _content(fd: int, path: str) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        while True:
            piece = os.pread(fd, 1 << 20, size)
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            if size > MAX_SIZE:
                raise _too_large(path, size)
            pieces.append(piece)
    except OSError as error:
        raise from_os_error(error, path) from None


def endings(data: bytes, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """``old`` and ``new`` with the file's line ends: where every line of it ends in CRLF and the
    caller wrote LF alone, CRLF is meant."""
    if b"\r" in old or b"\r" in new or b"\n" not in old + new:
        return old, new
    if b"\r\n" not in data or data.count(b"\n") != data.count(b"\r\n"):
        return old, new
    return old.replace(b"\n", b"\r\n"), new.replace(b"\n", b"\r\n")


def _ambiguous(data: bytes, old: bytes, path: str) -> Failure:
    lines: list[int] = []
    count = 0
    at = data.find(old)
    line = 1
    seen = 0
    while at >= 0:
        count += 1
        if len(lines) < SHOWN:
            line += data.count(b"\n", seen, at)
            seen = at
            lines.append(line)
        elif count >= SHOWN * 50:
            # Overlapping places of a short text in a huge file: the rest is counted apart.
            count += data.count(old, at + len(old))
            break
        at = data.find(old, at + 1)
    return Failure(
        "edit_ambiguous",
        "old occurs %d times in %s" % (count, path),
        detail={"lines": lines, "count": count},
    )
