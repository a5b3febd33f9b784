"""A file's tag is the SHA-256 of its content, quoted."""

from __future__ import annotations

import re

from vibn.errors import InvalidInput

_ONE = re.compile(r'"([0-9a-f]{64})"')
_EACH = re.compile(r'(?:W/)?("[^"]*")')


def etag(sha256: str) -> str:
    return f'"{sha256}"'


def expected_in(if_match: str | None) -> str | None:
    """The content that a change is meant for. Raises InvalidInput."""
    if if_match is None:
        return None
    found = _ONE.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput(
            "If-Match names no file's content.", hint="Send one ETag, as GET and PUT answer it."
        )
    return found[1]


def is_exclusive(if_none_match: str | None) -> bool:
    """Whether the file must not be there yet. Raises InvalidInput."""
    if if_none_match is None:
        return False
    if if_none_match.strip() != "*":
        raise InvalidInput("If-None-Match of a PUT can only be *.", hint="It refuses to replace.")
    return True


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether a reader has this content already."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _EACH.findall(if_none_match)
