"""Local files as a tar stream, and how much there is of them."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from vibn.client.values import Packed
from vibn.errors import Conflict, FileMissing

PIECE = 1 << 18
BLOCK = tarfile.BLOCKSIZE
_KINDS = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
}


def measured(local: Path) -> Packed:
    """Files and links, and their bytes. Raises FileMissing."""
    sizes = [info.st_size if stat.S_ISREG(info.st_mode) else 0 for _, _, info in _found(local, "")]
    directories = sum(stat.S_ISDIR(info.st_mode) for _, _, info in _found(local, ""))
    return Packed(files=len(sizes) - directories, bytes=sum(sizes))


def packed(local: Path, name: str) -> Iterator[bytes]:
    """A tar of the file ``local`` as ``name``, or of what lies in the directory ``local``. Links
    stay links, devices and sockets are left out. Raises FileMissing, Conflict."""
    for path, inner, info in _found(local, name):
        yield _header(path, inner, info)
        if stat.S_ISREG(info.st_mode):
            yield from _content(path, info.st_size)
    yield bytes(2 * BLOCK)


def _found(local: Path, name: str) -> Iterator[tuple[Path, str, os.stat_result]]:
    try:
        info = local.stat()
    except FileNotFoundError:
        raise FileMissing(f"There is no {local} here.", hint="Check the local path.") from None
    if not stat.S_ISDIR(info.st_mode):
        yield local, name, info
        return
    for directory, names, files in os.walk(local):
        for entry in sorted([*names, *files]):
            path = Path(directory, entry)
            info = path.lstat()
            if stat.S_IFMT(info.st_mode) in _KINDS:
                yield path, path.relative_to(local).as_posix(), info


def _header(path: Path, name: str, info: os.stat_result) -> bytes:
    """Without the owner: in the box, all belongs to its user."""
    member = tarfile.TarInfo(name)
    member.type = _KINDS[stat.S_IFMT(info.st_mode)]
    member.mode = stat.S_IMODE(info.st_mode) & 0o777
    member.mtime = max(0, int(info.st_mtime))
    if member.issym():
        member.linkname = str(path.readlink())
    if member.isreg():
        member.size = info.st_size
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _content(path: Path, size: int) -> Iterator[bytes]:
    """Exactly what the header told, padded to whole blocks."""
    left = size
    with path.open("rb") as file:
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise Conflict(f"{path} became shorter while it was read.", hint="Try again.")
            left -= len(piece)
            yield piece
    yield bytes(-size % BLOCK)
