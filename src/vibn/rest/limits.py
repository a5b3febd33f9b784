"""What a caller may ask of a box's limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from vibn.errors import Forbidden
from vibn.models import Limits
from vibn.rest.params import Body, Integer

Bytes = Annotated[int, Field(ge=1 << 20, le=1 << 50), Integer]
Pids = Annotated[int, Field(ge=32, le=1 << 22), Integer]


class LimitsGiven(Body):
    """Sizes are bytes. What is left out stays as it is."""

    cpus: Annotated[float | None, Field(gt=0, le=1024)] = None
    memory: Bytes | None = None
    disk: Bytes | None = None
    pids: Pids | None = None
    log: Bytes | None = None

    def over(self, base: Limits, most: Limits) -> Limits:
        """``base`` with what was given. Raises Forbidden above ``most``: what an installation
        gives each box is its operator's to raise."""
        given = self.model_dump(exclude_none=True)
        for name, value in given.items():
            if value > getattr(most, name):
                raise Forbidden(
                    f"limits.{name} is above this installation's {getattr(most, name)}.",
                    hint="Ask for less; an operator raises it by VIBN_DEV_*_LIMIT.",
                )
        return replace(base, **given)
