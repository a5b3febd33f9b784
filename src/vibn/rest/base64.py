"""Bytes in JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import Field

from vibn.errors import InvalidInput

Base64 = Annotated[str, Field(json_schema_extra={"pattern": r"^([A-Za-z0-9+/]{4})*$"})]
"""Of the standard alphabet, padded. The document's pattern leaves out what needs padding."""


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decoded(field: str, text: str) -> bytes:
    """Raises InvalidInput."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            f"{field} is not base64.", hint="Use the standard alphabet, padded."
        ) from None
