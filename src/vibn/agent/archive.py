"""Unpacking a tar beneath a directory, and packing a directory into one, piece by piece."""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG

from . import tar
from .args import bounded, take
from .failure import Failure, from_os_error
from .paths import Place, Root, locate, open_entry, open_folder
from .replace import Replacement
from .walk import Pace, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context
    from .walk import Found

PIECE = 64 * 1024


class Source:
    """Stream ``in`` as plain bytes, unzipped when it is gzip; at most some pieces are held."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._plain = bytearray()
        self._packed = b""
        self._gzip: Any = None
        self._started = False
        self._ended = False
        self._pace = Pace()

    def _fill(self) -> Generator[Any, Any, bool]:
        """Adds to ``_plain``; False at the end."""
        while True:
            if self._pace.due():
                yield None
                self._pace.rest()
            if self._packed and self._started:
                if self._unzip():
                    return True
                continue
            if self._ended:
                if self._gzip is not None and not self._gzip.eof:
                    raise tar.wrong("it ends too early")
                if not self._started and self._packed:
                    self._start()
                    continue
                return False
            data = self._ctx.receive()
            if data is None:
                self._ended = True
            elif not data:
                yield self._ctx.READABLE
                self._pace.rest()
            else:
                self._packed += data
                if not self._started and len(self._packed) >= 2:
                    self._start()

    def _start(self) -> None:
        self._started = True
        if self._packed[:2] == b"\x1f\x8b":
            import zlib

            self._gzip = zlib.decompressobj(31)

    def _unzip(self) -> bool:
        if self._gzip is None:
            self._plain += self._packed
            self._packed = b""
            return True
        import zlib

        if self._gzip.eof:
            # A further member may follow; anything else after the end is filling.
            if self._packed[:2] != b"\x1f\x8b":
                self._packed = b""
                return False
            self._gzip = zlib.decompressobj(31)
        try:
            data = self._gzip.decompress(self._packed, PIECE)
        except zlib.error as error:
            raise tar.wrong(str(error)) from None
        self._packed = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
        self._plain += data
        return bool(data)

    def some(self, most: int) -> Generator[Any, Any, bytes]:
        """1 to ``most`` bytes; none at the end."""
        if not self._plain:
            more = yield from self._fill()
            if not more:
                return b""
        data = bytes(self._plain[:most])
        del self._plain[:most]
        return data

    def exactly(self, size: int) -> Generator[Any, Any, bytes]:
        """``size`` bytes, or none at the end. Raises Failure when it ends within them."""
        while len(self._plain) < size:
            more = yield from self._fill()
            if not more:
                if self._plain:
                    raise tar.wrong("it ends too early")
                return b""
        return (yield from self.some(size)) if size else b""

    def drain(self) -> Generator[Any, Any, None]:
        """To the end of the stream."""
        while not self._ended:
            data = self._ctx.receive()
            if data is None:
                self._ended = True
            elif not data:
                yield self._ctx.READABLE


def unpack(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    a = take(args, {"path": (str, "."), "strip": (int, 0)})
    bounded("strip", a["strip"], 0, 100)
    source = Source(ctx)
    files = size = 0
    with Root(ctx.root) as root:
        parts = _destination(root, a["path"])
        try:
            inner = root.beneath(parts)
        except OSError as error:
            raise from_os_error(error, a["path"]) from None
        with inner:
            empty = True
            while True:
                member = yield from _next(source, empty)
                if member is None:
                    break
                empty = False
                name = _stripped(os.fsdecode(member.name), a["strip"])
                if not name:
                    yield from _skip(source, member)
                    continue
                if member.kind == tar.FILE:
                    yield from _file(inner, name, member, source)
                    size += member.size
                elif member.kind == tar.FOLDER:
                    _folder(inner, name, member)
                    continue
                elif member.kind == tar.LINK:
                    _link(inner, name, os.fsdecode(member.link))
                elif member.kind == tar.HARD:
                    _hard(inner, name, _stripped(os.fsdecode(member.link), a["strip"]))
                else:
                    raise Failure(
                        "invalid_input",
                        "%.300s in the archive is a device or another special file" % name,
                    )
                files += 1
    yield from source.drain()
    return {"files": files, "bytes": size}, b""


def _destination(root: Root, path: str) -> list[str]:
    with locate(root, path, make=True) as place:
        if place.name and place.stat() is None:
            try:
                os.mkdir(place.name, dir_fd=place.folder)
            except OSError as error:
                raise from_os_error(error, place.path) from None
        return place.parts


def _next(source: Source, empty: bool) -> Generator[Any, Any, tar.Member | None]:
    """The next entry that is no extension, with what its extensions say."""
    found: dict[bytes, bytes] = {}
    while True:
        block = yield from source.exactly(tar.BLOCK)
        if not block and empty:
            raise tar.wrong("it is empty")
        member = tar.parse(block) if block else None
        if member is None:
            if found:
                raise tar.wrong("it ends too early")
            return None
        if member.kind not in tar.EXTENSIONS:
            tar.extend(member, found)
            return member
        if member.size > tar.MAX_EXTENSION:
            raise Failure("too_large", "a name or a header in the archive is too long")
        padding = -member.size % tar.BLOCK
        data = yield from source.exactly(member.size + padding)
        data = data[: member.size]
        if member.kind == tar.PAX:
            found.update(tar.records(data))
        elif member.kind != tar.PAX_ALL:
            key = b"path" if member.kind == tar.LONG_NAME else b"linkpath"
            found[key] = data.rstrip(b"\0")


def _stripped(name: str, strip: int) -> str:
    """Without the first ``strip`` components; empty when nothing is left."""
    if name.startswith("/") or ".." in name.split("/"):
        raise _leads_out(name, os.path.normpath("/workspace/" + name))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts[strip:])


def _leads_out(name: str, resolved: str) -> Failure:
    return Failure(
        "path_outside",
        "%.300s in the archive leads out of the directory it is unpacked to" % name,
        detail={"resolved": resolved[:4096]},
    )


def _skip(source: Source, member: tar.Member) -> Generator[Any, Any, None]:
    left = member.size + -member.size % tar.BLOCK
    while left:
        data = yield from source.some(min(left, PIECE))
        if not data:
            raise tar.wrong("it ends too early")
        left -= len(data)


def _file(inner: Root, name: str, member: tar.Member, source: Source) -> Generator[Any, Any, None]:
    left = member.size
    with (
        locate(inner, name, follow=False, make=True) as place,
        Replacement(place, member.mode, over=True) as new,
    ):
        while left:
            data = yield from source.some(min(left, PIECE))
            if not data:
                raise tar.wrong("it ends too early")
            new.write(data)
            left -= len(data)
        new.commit(mtime=member.mtime)
    padding = -member.size % tar.BLOCK
    if padding and not (yield from source.exactly(padding)):
        raise tar.wrong("it ends too early")


def _folder(inner: Root, name: str, member: tar.Member) -> None:
    with locate(inner, name, make=True) as place:
        info = place.stat()
        if info is not None:
            if not S_ISDIR(info.st_mode):
                raise Failure("already_exists", "%s exists and is no directory" % name)
            return
        try:
            # Its owner must be able to fill it.
            os.mkdir(place.name, member.mode | 0o700, dir_fd=place.folder)
        except OSError as error:
            raise from_os_error(error, name) from None


def _cleared(place: Place) -> None:
    """Removes what is at ``place``, unless it is a directory."""
    info = place.stat()
    if info is not None and (S_ISDIR(info.st_mode) or not place.name):
        raise Failure("already_exists", "%s is a directory" % place.path)
    if info is not None:
        os.unlink(place.name, dir_fd=place.folder)


def _link(inner: Root, name: str, target: str) -> None:
    above = os.path.dirname(name)
    base = "/" + "/".join(inner.names)
    resolved = os.path.normpath(os.path.join(base, above, target))
    if resolved != base and not resolved.startswith(base + "/"):
        raise _leads_out(name, resolved)
    try:
        whole = above + "/" + target if above and not target.startswith("/") else target
        with locate(inner, whole):
            pass
    except Failure as failure:
        if failure.code == "path_outside":
            raise _leads_out(name, str((failure.detail or {}).get("resolved"))) from None
    try:
        with locate(inner, name, follow=False, make=True) as place:
            _cleared(place)
            os.symlink(target, place.name, dir_fd=place.folder)
    except OSError as error:
        raise from_os_error(error, name) from None


def _hard(inner: Root, name: str, target: str) -> None:
    if not target:
        raise tar.wrong("a link leads nowhere")
    try:
        with locate(inner, target, follow=False) as old:
            info = old.stat()
            if info is None or not S_ISREG(info.st_mode):
                raise tar.wrong("%.300s links to what is no file" % name)
            with locate(inner, name, follow=False, make=True) as new:
                _cleared(new)
                os.link(
                    old.name,
                    new.name,
                    src_dir_fd=old.folder,
                    dst_dir_fd=new.folder,
                    follow_symlinks=False,
                )
    except OSError as error:
        raise from_os_error(error, name) from None


def pack(ctx: Context, args: dict[str, Any], _body: bytes) -> Generator[Any, Any, Any]:
    a = take(args, {"path": (str, ".")})
    out = _Out(ctx)
    files = size = 0
    with Root(ctx.root) as root:
        with locate(root, a["path"]) as place:
            info = place.stat()
        if info is None:
            raise place.missing()
        if S_ISREG(info.st_mode):
            size = yield from _packed(root, place.path, place.name, out)
            files = 1
        else:
            start = len(place.path) + 1 if place.parts else 0
            try:
                for found in Walk(root, place.parts, stat=True, strict=True):
                    if found is None:
                        yield None
                        continue
                    name = found.path[start:]
                    if found.kind == "file":
                        size += yield from _packed(root, found.path, name, out)
                    elif not (yield from _told(found, name, out)):
                        continue
                    files += found.kind != "dir"
            except OSError as error:
                raise from_os_error(error, place.path) from None
    yield from out.add(bytes(2 * tar.BLOCK))
    yield from out.flush()
    ctx.send_eof("out")
    return {"files": files, "bytes": size}, b""


class _Out:
    """Stream ``out`` in pieces that fit its credit."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._buffer = bytearray()

    def add(self, data: bytes) -> Generator[Any, Any, None]:
        self._buffer += data
        while len(self._buffer) >= PIECE:
            yield from self._send()

    def flush(self) -> Generator[Any, Any, None]:
        while self._buffer:
            yield from self._send()

    def _send(self) -> Generator[Any, Any, None]:
        data = bytes(self._buffer[:PIECE])
        while not self._ctx.send("out", data):
            yield self._ctx.WRITABLE
        del self._buffer[:PIECE]
        yield None


def _told(found: Found, name: str, out: _Out) -> Generator[Any, Any, bool]:
    """Packs a directory or a link; False for what no archive should hold."""
    info = found.info
    if info is None or found.kind == "other":
        return False
    kind = tar.FOLDER if found.kind == "dir" else tar.LINK
    member = tar.Member(kind, os.fsencode(name), 0, info.st_mode & 0o777, info.st_mtime)
    if kind == tar.FOLDER:
        member.name += b"/"
    else:
        member.link = os.fsencode(found.target or "")
    yield from out.add(tar.header(member))
    return True


def _packed(root: Root, path: str, name: str, out: _Out) -> Generator[Any, Any, int]:
    parts = path.split("/")
    folder = open_folder(root.fd, parts[:-1])
    try:
        opened = open_entry(folder, parts[-1], path)
    finally:
        os.close(folder)
    if opened is None:
        raise Failure("conflict", "%s was replaced while it was packed" % path)
    fd, info = opened
    try:
        size = info.st_size
        mode = info.st_mode & 0o777
        member = tar.Member(tar.FILE, os.fsencode(name), size, mode, info.st_mtime)
        yield from out.add(tar.header(member))
        done = 0
        while done < size:
            data = os.pread(fd, min(PIECE, size - done), done)
            # A file that shrinks is filled with zeros: its size has been told.
            data = data or bytes(min(PIECE, size - done))
            done += len(data)
            yield from out.add(data)
        yield from out.add(bytes(-size % tar.BLOCK))
        return size
    finally:
        os.close(fd)
