"""What a box is, as kept on disk: its labels, which ``connect`` compares, and its limits."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vibn.errors import RuntimeUnavailable
from vibn.models import Limits


@dataclass(frozen=True, slots=True)
class Record:
    """One box. ``handle`` is made anew by each ``create``; ``uid`` is the host's user id of
    everything in it."""

    installation: str
    box_id: str
    handle: str
    project: str
    workspace: str
    image: str
    limits: Limits
    uid: int
    created_at: datetime
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class VolumeLabel:
    """Whose volumes these are, and the host's user id that owns the files."""

    installation: str
    box_id: str
    uid: int
    created_at: datetime


_RECORD = TypeAdapter(Record)
_LABEL = TypeAdapter(VolumeLabel)


def save(path: Path, content: str) -> None:
    """Replace ``path`` as a whole, readable by us alone, safe against a crash of the host."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def save_record(path: Path, record: Record) -> None:
    save(path, _RECORD.dump_json(record).decode())


def load_record(path: Path) -> Record | None:
    """None when there is none. Raises RuntimeUnavailable when it is damaged."""
    try:
        return _RECORD.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, json.JSONDecodeError) as exc:
        raise RuntimeUnavailable(f"The record {path} is damaged.") from exc


def save_label(path: Path, label: VolumeLabel) -> None:
    save(path, _LABEL.dump_json(label).decode())


def load_label(path: Path) -> VolumeLabel | None:
    """None when there is none. Raises RuntimeUnavailable when it is damaged."""
    try:
        return _LABEL.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, json.JSONDecodeError) as exc:
        raise RuntimeUnavailable(f"The label {path} is damaged.") from exc
