"""The Range header of RFC 9110, for one range of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """None of the range is in the file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``first`` to ``last``, both included; ``first`` None: the last ``last`` bytes; ``last``
    None: up to the end."""

    first: int | None
    last: int | None

    def within(self, size: int) -> tuple[int, int]:
        """Where it starts and stops in a file of this size. Raises Unsatisfiable."""
        if self.first is None:
            assert self.last is not None
            start, stop = max(0, size - self.last), size
        else:
            start, stop = self.first, size if self.last is None else min(size, self.last + 1)
        if start >= stop:
            raise Unsatisfiable
        return start, stop


def asked_in(header: str | None) -> Asked | None:
    """None: the whole file, as for several ranges and for what is no range at all."""
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return None
    first, last = (int(text) if text else None for text in found.groups())
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return Asked(first, last)
