"""One row as one line of JSON: what the spool holds, and what a row's seal is made over.

An array of the fields in their order, pure ASCII, without spaces: equal rows give equal bytes on
every machine and from every store, and different rows different ones.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from vibn.authority import AuditRow

_TEXTS = (0, 3, 4, 5, 6, 7, 8, 9, 11, 15)
_COUNTS = (1, 13, 14)
_FIELDS = 16
_AT, _PATHS, _MS = 2, 10, 12
_MOST = (1 << 63) - 1


def body(row: AuditRow) -> bytes:
    """All but the mac. Raises TypeError or ValueError for what no row of ours holds."""
    if row.at.utcoffset() is None:
        raise ValueError("a time without a zone")
    fields = (
        row.chain,
        row.seq,
        row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.request,
        row.surface,
        row.token,
        row.workspace,
        row.project,
        row.tool,
        row.arguments,
        row.paths,
        row.outcome,
        float(row.ms),
        row.received,
        row.sent,
    )
    return json.dumps(fields, separators=(",", ":")).encode()


def sealed(unsealed: bytes, mac: str) -> bytes:
    """The line of a row with this body and mac, its end included."""
    return b'%s,"%s"]\n' % (unsealed[:-1], mac.encode())


def parse(line: bytes) -> AuditRow:
    """Raises ValueError for what ``sealed`` did not write."""
    try:
        fields = json.loads(line)
    except RecursionError as error:
        raise ValueError("not a row") from error
    if not (isinstance(fields, list) and len(fields) == _FIELDS and _plausible(fields)):
        raise ValueError("not a row")
    fields[_AT] = datetime.fromisoformat(fields[_AT])
    fields[_PATHS] = tuple(fields[_PATHS])
    row = AuditRow(*fields)
    if sealed(body(row), row.mac) != line.rstrip(b"\n") + b"\n":
        raise ValueError("not a row as it is written")
    return row


def _plausible(fields: list[object]) -> bool:
    paths = fields[_PATHS]
    return (
        all(isinstance(fields[n], str) for n in (*_TEXTS, _AT))
        and all(_is_count(fields[n]) for n in _COUNTS)
        and type(fields[_MS]) is float
        and isinstance(paths, list)
        and all(isinstance(path, str) for path in paths)
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST
