"""The files of a fake box, in memory."""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vibn.errors import (
    AlreadyExists,
    Conflict,
    FileMissing,
    HashMismatch,
    InvalidInput,
    PathOutside,
)


@dataclass
class Entry:
    """``data`` is None for a directory."""

    data: bytes | None
    mode: int = 0o644
    mtime: datetime = field(default_factory=lambda: datetime.now(UTC))


Watcher = Callable[[str, str], None]
"""Hears the kind of a change and the path."""


class FakeFiles:
    """Paths are relative to /workspace; ``.`` is it."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {".": Entry(None, 0o755)}
        self.watchers: list[Watcher] = []

    def entry(self, path: str) -> tuple[str, Entry]:
        """Raises FileMissing, PathOutside."""
        place = normal(path)
        if place not in self._entries:
            raise FileMissing(f"There is no {place}.")
        return place, self._entries[place]

    def read(self, path: str) -> bytes:
        """Raises FileMissing, InvalidInput for a directory."""
        place, found = self.entry(path)
        if found.data is None:
            raise InvalidInput(f"{place} is a directory.")
        return found.data

    def write(
        self, path: str, data: bytes, *, expect: str | None = None, exclusive: bool = False
    ) -> bool:
        """Whether it was made. Raises HashMismatch, AlreadyExists, InvalidInput."""
        place = normal(path)
        old = self._entries.get(place)
        if old is not None and (exclusive or old.data is None):
            raise (AlreadyExists if exclusive else InvalidInput)(f"{place} is there.")
        if expect is not None and (old is None or sha256(old.data or b"") != expect):
            raise HashMismatch(f"{place} is not what it was.")
        self.mkdir(posixpath.dirname(place) or ".")
        self._entries[place] = Entry(data, old.mode if old else 0o644)
        self._tell("changed" if old else "created", place)
        return old is None

    def mkdir(self, path: str) -> bool:
        """Raises Conflict where a file is in the way."""
        made = False
        place = normal(path)
        parts = place.split("/") if place != "." else []
        for n in range(1, len(parts) + 1):
            way = "/".join(parts[:n])
            if way not in self._entries:
                self._entries[way] = Entry(None, 0o755)
                self._tell("created", way)
                made = True
            elif self._entries[way].data is not None:
                raise Conflict(f"{way} is a file.")
        return made

    def delete(self, path: str, recursive: bool) -> int:
        """Raises FileMissing, Conflict."""
        place, found = self.entry(path)
        inside = [name for name in self._entries if name.startswith(place + "/")]
        if found.data is None and inside and not recursive:
            raise Conflict(f"{place} is not empty.", hint="Pass recursive.")
        for name in [*inside, place]:
            del self._entries[name]
            self._tell("deleted", name)
        return len(inside) + 1

    def move(self, path: str, to: str, overwrite: bool) -> None:
        """Raises FileMissing, AlreadyExists."""
        place, _ = self.entry(path)
        target = normal(to)
        if target in self._entries and not overwrite:
            raise AlreadyExists(f"{target} is there.", hint="Pass overwrite.")
        self.mkdir(posixpath.dirname(target) or ".")
        for name in [n for n in self._entries if n == place or n.startswith(place + "/")]:
            self._entries[target + name[len(place) :]] = self._entries.pop(name)
        self._tell("deleted", place)
        self._tell("created", target)

    def stat(self, path: str) -> dict[str, object]:
        place, found = self.entry(path)
        return _info(place, found)

    def tree(self, path: str, depth: int, limit: int) -> dict[str, object]:
        place, found = self.entry(path)
        if found.data is not None:
            raise InvalidInput(f"{place} is no directory.")
        inner = [(n, e) for n, e in self.below(place) if n[_skip(place) :].count("/") < depth]
        entries = [_info(name, entry) for name, entry in inner[:limit]]
        return {"entries": entries, "truncated": len(inner) > limit}

    def below(self, place: str) -> list[tuple[str, Entry]]:
        """All beneath a directory, by path."""
        start = "" if place == "." else place + "/"
        return sorted((n, e) for n, e in self._entries.items() if n != "." and n.startswith(start))

    def pack(self, path: str) -> bytes:
        """A tar of a directory, or of one file."""
        place, found = self.entry(path)
        inner = self.below(place) if found.data is None else [(place, found)]
        skip = _skip(place) if found.data is None else len(posixpath.dirname(place)) + 1
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, entry in inner:
                member = tarfile.TarInfo(name[skip:] if found.data is None else name.split("/")[-1])
                member.mode, member.mtime = entry.mode, entry.mtime.timestamp()
                member.type = tarfile.DIRTYPE if entry.data is None else tarfile.REGTYPE
                member.size = len(entry.data or b"")
                archive.addfile(member, io.BytesIO(entry.data or b""))
        return out.getvalue()

    def unpack(self, data: bytes, path: str) -> dict[str, object]:
        """Raises PathOutside, InvalidInput."""
        files = size = 0
        base = normal(path)
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive:
                    place = normal(posixpath.join(base, normal(member.name)))
                    if member.isdir():
                        self.mkdir(place)
                    elif (content := archive.extractfile(member)) is not None:
                        self.write(place, content.read())
                        self._entries[place].mode = member.mode
                        files, size = files + 1, size + member.size
        except tarfile.TarError:
            raise InvalidInput("The archive is damaged or no tar.") from None
        return {"files": files, "bytes": size}

    def _tell(self, kind: str, place: str) -> None:
        for hears in list(self.watchers):
            hears(kind, place)


def normal(path: str) -> str:
    """Relative to /workspace. Raises PathOutside, InvalidInput."""
    if not path or "\0" in path:
        raise InvalidInput("The path is empty or holds a NUL.")
    place = posixpath.normpath(posixpath.join("/workspace", path))
    if place == "/workspace":
        return "."
    if not place.startswith("/workspace/"):
        raise PathOutside(f"{path} leads out of /workspace.")
    return place.removeprefix("/workspace/")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _skip(place: str) -> int:
    return 0 if place == "." else len(place) + 1


def _info(place: str, entry: Entry) -> dict[str, object]:
    return {
        "path": place,
        "type": "dir" if entry.data is None else "file",
        "size": len(entry.data or b""),
        "mtime": entry.mtime.isoformat(),
        "mode": entry.mode,
        "target": None,
    }
