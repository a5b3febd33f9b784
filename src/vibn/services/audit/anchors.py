"""Anchors: the newest head of each chain that this state directory wrote, kept outside of the
database. Who deletes the end of a chain together with its heads there does not reach these."""

from __future__ import annotations

import re
from pathlib import Path

from vibn.authority import AuditHead
from vibn.services.audit import durable, head

CHAIN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")
"""How our chains are called; what is not is never part of a path."""


class Anchors:
    """One small file a chain in ``directory``. Methods block for a write to the disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, newest: AuditHead) -> None:
        """Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.put(self._directory / newest.chain, head.dump(newest))

    def get(self, chain: str) -> AuditHead | None:
        """None where there is none, or one that cannot be read."""
        try:
            return head.load((self._directory / chain).read_bytes())
        except (OSError, ValueError):
            return None

    def all(self) -> dict[str, AuditHead | None]:
        """By the name of the chain; None for one that cannot be read."""
        if not self._directory.is_dir():
            return {}
        names = sorted(path.name for path in self._directory.iterdir())
        return {name: self.get(name) for name in names if CHAIN.fullmatch(name)}
