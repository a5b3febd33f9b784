"""What is noted of one call, and how text from outside becomes text of a row.

Nothing a caller or a box sends can look like another row, another field or a line of its own:
what is not printable (control characters, line breaks, changes of direction, invisible ones,
halves of surrogate pairs) and the backslash are written as ``\\x1b``, ``\\u202e``, ``\\\\``, so
different texts stay different. Where something was left out stands ``\\+`` with the number of
characters (and a ``+`` that ends it) or of paths: no text from outside can hold that mark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vibn.authority import AuditRow

NAME = 128
"""Characters of a name (a tool, a project, a request) that a row keeps."""
PATH = 512
PATHS = 16
_MOST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. ``token`` is the id of the token, never its text; ``arguments`` is what
    ``Audit.fingerprint`` made of them. ``outcome`` is ``ok`` or an error's code, ``received`` and
    ``sent`` are bytes of the request's and the answer's body. Texts may hold anything."""

    at: datetime
    request: str
    surface: str
    token: str
    workspace: str
    project: str
    tool: str
    arguments: str
    paths: tuple[str, ...] = ()
    outcome: str = "ok"
    ms: float = 0.0
    received: int = 0
    sent: int = 0

    def row(self, chain: str, seq: int, arguments: str) -> AuditRow:
        """Cleaned, and not sealed yet: ``mac`` is empty."""
        return AuditRow(
            chain=chain,
            seq=seq,
            at=self.at,
            request=clean(self.request),
            surface=clean(self.surface),
            token=clean(self.token),
            workspace=clean(self.workspace),
            project=clean(self.project),
            tool=clean(self.tool),
            arguments=arguments,
            paths=_paths(self.paths),
            outcome=clean(self.outcome),
            ms=_duration(self.ms),
            received=_count(self.received),
            sent=_count(self.sent),
            mac="",
        )


def clean(text: str, most: int = NAME) -> str:
    """``text`` on one line, at most ``most`` characters of it: both ends where it is longer."""
    if len(text) <= most:
        return _escaped(text)
    head = most // 2
    tail = most - head
    return f"{_escaped(text[:head])}\\+{len(text) - most}+{_escaped(text[-tail:])}"


def _escaped(text: str) -> str:
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(map(_character, text))


def _character(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _paths(paths: Sequence[str]) -> tuple[str, ...]:
    if not paths:
        return ()
    kept = tuple(clean(path, PATH) for path in paths[:PATHS])
    return kept if len(paths) <= PATHS else (*kept, f"\\+{len(paths) - PATHS}")


def _duration(ms: float) -> float:
    return round(float(ms), 3) if math.isfinite(ms) and ms > 0 else 0.0


def _count(number: int) -> int:
    return min(max(0, int(number)), _MOST)
