"""A box's files on this machine. What comes from a box may try to land elsewhere: nothing leaves
the directory it was meant for, by its name, through a link that came before, or as a link."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from vibn.client.values import Packed
from vibn.errors import AlreadyExists, PathOutside, ProtocolViolation

DAMAGED = "What the server sent is no whole archive."


@contextmanager
def landing_file(target: Path, mode: int) -> Iterator[IO[bytes]]:
    """A file that takes ``target``'s place once the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise AlreadyExists(f"{target} is a directory here.", hint="Name the file to write.")
    descriptor, made = tempfile.mkstemp(prefix=".vibn-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            os.fchmod(file.fileno(), mode & 0o777 & ~_umask())
        Path(made).replace(target)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def land(archive: IO[bytes], target: Path) -> Packed:
    """Unpack a tar into the directory ``target``. Raises PathOutside, ProtocolViolation."""
    files = size = 0
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=archive, mode="r|") as members:
            for member in members:
                _landed(members, member, target)
                files += not member.isdir()
                size += member.size
    except tarfile.TarError as error:
        raise ProtocolViolation(DAMAGED, hint="Try again.") from error
    return Packed(files, size)


def _landed(members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise _outside(member.name)
    place = target.joinpath(*name.parts)
    _make_parents(target, name)
    if member.isdir():
        _make_directory(place)
    elif member.issym():
        _link(place, member, target)
    elif member.isreg():
        content = members.extractfile(member)
        assert content is not None
        _clear(place)
        with landing_file(place, member.mode) as file:
            shutil.copyfileobj(content, file)
    else:
        raise _outside(member.name)


def _make_parents(target: Path, name: PurePosixPath) -> None:
    """Directories on the way, none of which may be a link."""
    place = target
    for part in name.parts[:-1]:
        place = place / part
        _make_directory(place)


def _make_directory(place: Path) -> None:
    if place.is_symlink():
        raise _outside(str(place))
    try:
        place.mkdir(exist_ok=True)
    except FileExistsError:
        raise AlreadyExists(f"{place} is here and no directory.", hint="Move it away.") from None


def _link(place: Path, member: tarfile.TarInfo, target: Path) -> None:
    leads = os.path.normpath(place.parent / member.linkname)
    root = os.path.normpath(target)
    if leads != root and not leads.startswith(root + os.sep):
        raise PathOutside(
            f"The link {member.name[:200]!r} would lead out of {target}.",
            hint="Download the files it leads to, or delete the link in the box.",
        )
    _clear(place)
    place.symlink_to(member.linkname)


def _clear(place: Path) -> None:
    if place.is_symlink():
        place.unlink()


def _outside(name: str) -> PathOutside:
    return PathOutside(
        f"The box sent {name[:200]!r}, which would not land in the directory it was meant for.",
        hint="Look at what the box holds there before you download it.",
    )


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
