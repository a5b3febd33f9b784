"""Reading, writing and looking at one file: the operations that must be fast."""

from __future__ import annotations

import os
from stat import S_ISLNK

from . import digest
from .args import REQUIRED, bounded, take
from .failure import Failure, from_os_error
from .frames import MAX_BODY
from .paths import Root, describe, locate, open_file
from .replace import Replacement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Union

    from .context import Context

    Result = tuple[dict[str, Any], bytes]
    Streamed = Union[Result, Generator[Any, Any, Result]]

_READ = {
    "path": (str, REQUIRED),
    "offset": (int, 0),
    "limit": (int, None),
    "max": (int, MAX_BODY),
}
_WRITE = {
    "path": (str, REQUIRED),
    "mode": (int, None),
    "create": (bool, True),
    "exclusive": (bool, False),
    "expect_sha256": (str, None),
    "stream": (bool, False),
    "sync": (bool, False),
}
_STAT = {"path": (str, REQUIRED), "follow": (bool, True)}


def read(ctx: Context, args: dict[str, Any], _body: bytes) -> Result:
    """Bytes of a file. Without ``limit`` all of it from ``offset`` is asked for, and more than
    ``max`` of them is too_large."""
    a = take(args, _READ)
    offset = a["offset"]
    limit = a["limit"]
    bounded("offset", offset, 0, 1 << 62)
    bounded("max", a["max"], 0, MAX_BODY)
    if limit is not None:
        bounded("limit", limit, 0, MAX_BODY)
    with Root(ctx.root) as root:
        fd, info, place = open_file(root, a["path"])
    try:
        size = info.st_size
        if limit is None:
            limit = max(0, size - offset)
            if limit > a["max"]:
                raise Failure(
                    "too_large",
                    "%s has %d bytes; at most %d are given at once" % (place.path, size, a["max"]),
                    detail={"size": size, "max": a["max"]},
                )
        data = _pread(fd, limit, offset)
    except OSError as error:
        raise from_os_error(error, place.path) from None
    finally:
        os.close(fd)
    end = offset + len(data)
    whole = offset == 0 and len(data) == size
    return {
        "size": size,
        "mtime": info.st_mtime,
        "sha256": digest.sha256(data).hexdigest() if whole else None,
        "offset": offset,
        "next": end if data and end < size else None,
    }, data


def _pread(fd: int, size: int, offset: int) -> bytes:
    data = os.pread(fd, size, offset)
    if len(data) == size or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < size:
        data = os.pread(fd, size - got, offset + got)
        if not data:
            break
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)


def write(ctx: Context, args: dict[str, Any], body: bytes) -> Streamed:
    """New content for a file: the body, or with ``stream`` what comes on stream ``in``."""
    a = take(args, _WRITE)
    if a["mode"] is not None:
        bounded("mode", a["mode"], 0, 0o7777)
    if a["stream"]:
        if body:
            raise Failure("invalid_input", "give the content as body or as stream, not both")
        return _stream(ctx, a)
    with (
        Root(ctx.root) as root,
        locate(root, a["path"], make=a["create"]) as place,
        _begin(place, a) as new,
    ):
        new.write(body)
        return _commit(new, a, digest.sha256(body).hexdigest()), b""


def _stream(ctx: Context, a: dict[str, Any]) -> Generator[Any, Any, Result]:
    sha256 = digest.sha256()
    with (
        Root(ctx.root) as root,
        locate(root, a["path"], make=a["create"]) as place,
        _begin(place, a) as new,
    ):
        while True:
            data = ctx.receive()
            if data is None:
                return _commit(new, a, sha256.hexdigest()), b""
            if data:
                new.write(data)
                sha256.update(data)
            yield None if data else ctx.READABLE


def _begin(place: Any, a: dict[str, Any]) -> Replacement:
    info = place.stat()
    if info is None and (not a["create"] or a["expect_sha256"] is not None):
        raise place.missing()
    if info is not None and a["exclusive"]:
        raise Failure("already_exists", "%s exists" % place.path)
    return Replacement(place, a["mode"])


def _commit(new: Replacement, a: dict[str, Any], sha256: str) -> dict[str, Any]:
    if a["expect_sha256"] is not None:
        check(new, a["expect_sha256"])
    new.commit(a["exclusive"], a["sync"])
    return {"size": new.size, "sha256": sha256, "created": new.before is None}


def check(new: Replacement, expected: str) -> None:
    """Raises Failure(hash_mismatch) when the file that is to be replaced is another by now."""
    from .paths import open_entry

    place = new.place
    opened = open_entry(place.folder, place.name, place.path)
    if opened is None:
        raise Failure("hash_mismatch", "%s is another kind of file now" % place.path)
    try:
        digest.expect(digest.of_file(opened[0]), expected, place.path)
    finally:
        os.close(opened[0])


def stat(ctx: Context, args: dict[str, Any], _body: bytes) -> Result:
    a = take(args, _STAT)
    with Root(ctx.root) as root, locate(root, a["path"], follow=a["follow"]) as place:
        info = place.stat()
        if info is None:
            raise place.missing()
        target = None
        if S_ISLNK(info.st_mode):
            target = os.readlink(place.name, dir_fd=place.folder)
        return describe(place.path, info, target), b""
