"""Texts that came from a box or a server, fit for a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Without what a terminal would obey; line breaks and tabs stay."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    return plain(text).replace("\n", " ").replace("\t", " ")


def size(number: int | float | None) -> str:
    """Bytes, as a person reads them."""
    if number is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


def ago(at: datetime | None) -> str:
    """How long ago, roughly; times to come are told by their date."""
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    if seconds < 0:
        return at.astimezone().strftime("%Y-%m-%d %H:%M")
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
