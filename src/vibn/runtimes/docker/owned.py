"""Whose container, volume or network it is: names for people, labels for the rule.

Nothing is taken, changed or removed unless its labels name this installation and the box.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vibn.errors import InvalidInput
from vibn.models import BoxSpec

INSTALLATION = "vibn.installation"
BOX = "vibn.box"
WORKSPACE = "vibn.workspace"
PROJECT = "vibn.project"
ROLE = "vibn.role"
UNAPPLIED = "vibn.unapplied"
"""Limits that were asked for and could not be set when the box was made, comma-separated."""
AGENT = "vibn.agent"
"""``socket`` when the agent's socket is in a directory of the control plane's host."""

BRIDGE_PREFIX = "br-vibn"
_BOX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


@dataclass(frozen=True, slots=True)
class Owner:
    """One box of one installation, as the engine's objects name it."""

    installation: str
    box_id: str

    def __post_init__(self) -> None:
        if not _BOX_ID.fullmatch(self.box_id):
            raise InvalidInput(f"Not a box id: {self.box_id[:64]!r}")

    @property
    def container(self) -> str:
        return f"vibn-{self.box_id}"

    @property
    def network(self) -> str:
        return f"vibn-{self.box_id}"

    def volume(self, role: str) -> str:
        return f"vibn-{self.box_id}-{role}"

    @property
    def bridge(self) -> str:
        """The bridge's interface: at most 15 characters, and all share a prefix, so that one
        firewall rule covers them."""
        return BRIDGE_PREFIX + self._digest.hex()[:8]

    @property
    def start_at(self) -> int:
        """Where this box begins to look for a free subnet: apart from the others."""
        return int.from_bytes(self._digest[4:8], "big")

    @property
    def _digest(self) -> bytes:
        return hashlib.sha256(f"{self.installation}/{self.box_id}".encode()).digest()

    def labels(self, spec: BoxSpec, **more: str) -> dict[str, str]:
        return {
            INSTALLATION: self.installation,
            BOX: self.box_id,
            WORKSPACE: spec.workspace,
            PROJECT: spec.project,
            **more,
        }

    def owns(self, labels: Mapping[str, str] | None) -> bool:
        found = labels or {}
        return found.get(INSTALLATION) == self.installation and found.get(BOX) == self.box_id


def by_installation(installation: str, **more: list[str]) -> str:
    """The engine's filter for what an installation owns."""
    return json.dumps({"label": [f"{INSTALLATION}={installation}"], **more})
