"""Whether the agent that answered is to be replaced by ours, in place and without losing jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from vibn.channel.hello import Hello, Mode

Renewal = Callable[[Hello], bytes | None]
"""The zipapp that shall replace the agent of this greeting, or None to keep it."""


def replace_older(zipapp: bytes, version: str) -> Renewal:
    """Replaces a resident agent of another build whose version is not above ``version``: two
    control planes of different versions do not replace each other's agents in turn."""
    build = hashlib.sha256(zipapp).hexdigest()
    ours = _numbers(version)

    def renewal(hello: Hello) -> bytes | None:
        if hello.mode is not Mode.RESIDENT or hello.build == build:
            return None
        return zipapp if _numbers(hello.version) <= ours else None

    return renewal


def _numbers(version: str) -> tuple[int, ...]:
    """``0.10.2`` as (0, 10, 2); what is no number counts as nothing."""
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", version)[:4])
