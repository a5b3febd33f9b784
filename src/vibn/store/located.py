"""A project and what belongs to it, as one SELECT finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vibn.models import Box, Project


@dataclass(frozen=True, slots=True)
class Located:
    project: Project
    box: Box | None
    secrets: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Sealed values by name."""
