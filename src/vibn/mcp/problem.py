"""An error as HTTP says it, for what is refused before MCP has a word in it."""

from __future__ import annotations

import json
import math

from starlette.responses import Response

from vibn.errors import MethodNotAllowed, Unauthenticated, VibnError


def problem(error: VibnError, *, credential: bool) -> Response:
    """Its status and its problem JSON; 401 names the scheme (RFC 6750, section 3: with an error
    only where a ``credential`` came), a limit tells when to try again."""
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "detail": error.detail,
        }
    }
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status_code=error.http_status,
        headers=_headers(error, credential),
        media_type="application/json",
    )


def _headers(error: VibnError, credential: bool) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        why = ', error="invalid_token"' if credential else ""
        return {"WWW-Authenticate": f'Bearer realm="vibn"{why}'}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": "POST"}
    if error.http_status in (429, 503):
        wait = error.detail.get("retry_after", 1)
        return {"Retry-After": str(math.ceil(wait) if isinstance(wait, int | float) else 1)}
    return {}
