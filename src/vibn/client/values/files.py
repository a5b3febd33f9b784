"""Files beneath /workspace, by paths relative to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FileType(StrEnum):
    FILE = "file"
    DIR = "dir"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """``mode`` are permission bits, as in ``0o644``; ``target`` is where a link points."""

    path: str
    type: FileType
    size: int
    mtime: datetime
    mode: int
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """``truncated``: there is more than the limit that was asked for."""

    entries: tuple[FileInfo, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    size: int
    sha256: str
    created: bool


@dataclass(frozen=True, slots=True)
class Edited:
    """``line`` is that of the first replacement; ``diff`` shows what changed, maybe shortened."""

    replaced: int
    size: int
    sha256: str
    line: int
    diff: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file that a glob matched."""

    path: str
    size: int
    mtime: datetime


@dataclass(frozen=True, slots=True)
class Match:
    """A line that a search matched; ``context`` is True for a line beside one."""

    path: str
    line: int
    text: str
    context: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    matches: tuple[Match, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` is created, changed, deleted, or overflow: changes were missed, look again."""

    kind: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """What a transfer carried."""

    files: int
    bytes: int
