"""An error as HTTP says it, on every surface alike:
``{"error": {code, message, hint, retryable, detail}}`` with the status of its class."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from starlette.responses import Response

from vibn.errors import Unauthenticated, VibnError


def shape(error: VibnError) -> dict[str, object]:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "detail": error.detail,
        }
    }


def problem(
    error: VibnError,
    headers: Mapping[str, str] | None = None,
    status: int = 0,
    *,
    credential: bool = False,
) -> Response:
    """With the error's own status if none is given. 401 names the scheme (RFC 6750, section 3:
    with an error where a ``credential`` came), 429 and 503 tell when to try again."""
    body = json.dumps(shape(error), ensure_ascii=False, separators=(",", ":"), default=str)
    return Response(
        body.encode(errors="replace"),
        status_code=status or error.http_status,
        headers={**_headers(error, credential), **(headers or {})},
        media_type="application/json",
    )


def _headers(error: VibnError, credential: bool) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        why = ', error="invalid_token"' if credential else ""
        return {"WWW-Authenticate": f'Bearer realm="vibn"{why}'}
    if error.http_status in (429, 503):
        wait = error.detail.get("retry_after")
        return {"Retry-After": str(max(1, math.ceil(wait)) if isinstance(wait, int | float) else 1)}
    return {}
