"""The ``error`` frame of an agent, as an error of ours."""

from __future__ import annotations

from vibn.channel.fields import Fields, clean, shown
from vibn.errors import ProtocolViolation, VibnError, from_code

CODES = frozenset(
    {
        "internal",
        "invalid_input",
        "path_outside",
        "not_text",
        "too_large",
        "edit_no_match",
        "edit_ambiguous",
        "not_found",
        "file_missing",
        "job_not_found",
        "conflict",
        "already_exists",
        "hash_mismatch",
        "unsupported",
        "limit_reached",
        "disk_full",
        "pids_limit",
        "out_of_memory",
        "denied",
        "unavailable",
        "deadline_exceeded",
        "cancelled",
    }
)
"""What an agent may say of its own operations. The other codes speak of the control plane (an
absent box, a foreign project): from a box they would be lies that services act on."""

MESSAGE_LIMIT = 2000
HINT_LIMIT = 500
DETAIL_ITEMS = 32
DETAIL_TEXT = 2000


def read_refusal(fields: Fields, cancelled: bool) -> VibnError:
    """The error that the frame tells, its texts cut to their limits.

    ``cancelled`` tells that we asked for the end: only then may the code be ``cancelled``.
    Raises ProtocolViolation for a wrong shape or a code that no agent may send.
    """
    code, message, hint = fields.get("code"), fields.get("message"), fields.get("hint")
    if type(code) is not str or code not in CODES:
        raise ProtocolViolation("The agent answered with an unknown error code.")
    if type(message) is not str or not (hint is None or type(hint) is str):
        raise ProtocolViolation("The agent sent an error without a text.")
    if code == "cancelled":
        if not cancelled:
            raise ProtocolViolation("The agent cancelled what nobody asked it to cancel.")
        code = "unavailable"
    detail = fields.get("detail")
    if not (detail is None or type(detail) is dict):
        raise ProtocolViolation("The agent sent an error with a wrong detail.")
    found = _bounded(detail, 4)
    return from_code(
        code,
        shown(cut(message, MESSAGE_LIMIT)),
        hint=shown(cut(hint or "", HINT_LIMIT)),
        detail=found if isinstance(found, dict) else None,
    )


def another(error: VibnError) -> VibnError:
    """An error of its own for each who gets it: tracebacks and notes are not shared."""
    return type(error)(error.message, hint=error.hint, detail=error.detail)


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters and an ellipsis."""
    return clean(text) if len(text) <= most else clean(text[:most]) + "…"


def _bounded(value: object, depth: int) -> object:
    """``value`` with every text, list and object cut to its limit; too deep a part is None."""
    if type(value) is str:
        return cut(value, DETAIL_TEXT)
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 62 else None
    if depth == 0:
        return None
    if type(value) is list:
        return [_bounded(item, depth - 1) for item in value[:DETAIL_ITEMS]]
    if type(value) is dict:
        some = list(value.items())[:DETAIL_ITEMS]
        return {cut(key, 100): _bounded(item, depth - 1) for key, item in some}
    return None
