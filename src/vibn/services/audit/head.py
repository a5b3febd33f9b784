"""Heads: signed statements of how far a chain goes, so that a cut end is seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from vibn.authority import AuditHead
from vibn.services.audit.keys import Key, seal


def sign(key: Key, chain: str, seq: int, mac: str, at: datetime, final: bool = False) -> AuditHead:
    return AuditHead(chain, seq, mac, at, final, seal(key.heads, _body(chain, seq, mac, at, final)))


def genuine(key: Key, head: AuditHead) -> bool:
    """Whether we signed it."""
    try:
        body = _body(head.chain, head.seq, head.mac, head.at, head.final)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return False
    return seal(key.heads, body) == head.signature


def dump(head: AuditHead) -> bytes:
    """As ``load`` reads it."""
    return _body(head.chain, head.seq, head.mac, head.at, head.final) + head.signature.encode()


def load(data: bytes) -> AuditHead:
    """Raises ValueError. Whether it is genuine is another question."""
    body, end, signature = data.rpartition(b"]")
    try:
        fields = json.loads(body + end)
    except RecursionError as error:
        raise ValueError("not a head") from error
    if [type(field) for field in fields] != [str, int, str, str, bool]:
        raise ValueError("not a head")
    chain, seq, mac, at, final = fields
    return AuditHead(chain, seq, mac, datetime.fromisoformat(at), final, signature.decode())


def _body(chain: str, seq: int, mac: str, at: datetime, final: bool) -> bytes:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps([chain, seq, mac, moment, final], separators=(",", ":")).encode()
