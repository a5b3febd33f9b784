"""From what a server answers when something is wrong to the error of the one tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from vibn.client.sse import Event
from vibn.errors import (
    BY_CODE,
    DeadlineExceeded,
    InvalidInput,
    ServerUnreachable,
    VibnError,
)

MOST = 1 << 20
"""Bytes that are read of an error's body."""
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_OURS = "Check VIBN_URL: it should be the address that `vibn up` printed."


def problem(status: int, headers: Mapping[str, str], body: bytes, url: str) -> VibnError:
    """The error that a response of ``status`` tells; one that is not in our shape, too."""
    if 300 <= status < 400:
        return _redirected(headers.get("location", ""), url)
    told = _told(body)
    if told is None:
        return _foreign(status, headers, url)
    error = from_problem(told)
    if (after := retry_after(headers)) is not None:
        error.detail["retry_after"] = after
    if request := headers.get("x-request-id"):
        error.detail.setdefault("request", request)
    return error


def from_problem(told: Mapping[str, object]) -> VibnError:
    """The class of ``told["code"]``; for a code that this client does not know, a VibnError that
    names it. Control characters are taken out: some of it may come from a box."""
    code, message, hint = (_text(told.get(name)) for name in ("code", "message", "hint"))
    given = told.get("detail")
    detail = {str(k): v for k, v in given.items()} if isinstance(given, Mapping) else {}
    cls = BY_CODE.get(code)
    if cls is not None:
        return cls(message, hint=hint, detail=detail)
    return VibnError(f"{message} (code {code})", hint=hint, detail={**detail, "code": code})


def raise_told(event: Event) -> None:
    """Raises what a stream's ``error`` event tells; does nothing for others."""
    if event.name == "error":
        told = event.data.get("error") if isinstance(event.data, Mapping) else None
        raise from_problem(told if isinstance(told, Mapping) else {})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; dates, which our servers do not send, count as not given."""
    text = headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text) else None


@contextmanager
def translated(url: str) -> Iterator[None]:
    """What the HTTP library raises becomes an error of the tree."""
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise unreachable(url, "it does not answer") from error
    except httpx2.TimeoutException as error:
        raise late(url) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
        raise InvalidInput(f"Not an address of a server: {url}.", hint=_NOT_OURS) from error
    except (httpx2.ConnectError, httpx2.ProxyError) as error:
        raise unreachable(url, str(error)) from error
    except httpx2.TransportError as error:
        raise broken(url) from error


def unreachable(url: str, why: str) -> ServerUnreachable:
    """``why`` as the system said it; its number tells a person nothing."""
    told = _text(re.sub(r"^\[Errno -?\d+\] ", "", why)).rstrip(".") or "no connection"
    return ServerUnreachable(f"No Vibn server answers at {url}: {told}.")


def broken(url: str) -> ServerUnreachable:
    return ServerUnreachable(
        f"The connection to {url} broke while the call ran.",
        hint="The call may or may not have had its effect: check, then try again.",
    )


def ended_early(url: str) -> ServerUnreachable:
    return ServerUnreachable(
        f"{url} ended the stream before its end.",
        hint="The server may have been stopped: check what became of the call, then try again.",
    )


def late(url: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The server at {url} did not answer in time.",
        hint="The call may still have its effect: check, then try again.",
    )


def _told(body: bytes) -> Mapping[str, object] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    told = parsed.get("error") if isinstance(parsed, dict) else None
    return told if isinstance(told, dict) and isinstance(told.get("code"), str) else None


def _redirected(location: str, url: str) -> VibnError:
    return InvalidInput(
        f"{url} sends callers on to {_text(location)}; a token goes only where it was meant to.",
        hint="Set VIBN_URL to that address if you trust it.",
    )


def _foreign(status: int, headers: Mapping[str, str], url: str) -> VibnError:
    """An answer from something between us and the server, or from no server of ours."""
    if status in (502, 503, 504):
        detail = {} if (after := retry_after(headers)) is None else {"retry_after": after}
        return ServerUnreachable(
            f"What stands before the server at {url} answers {status}: it cannot reach it.",
            hint="Check that the server runs, and try again.",
            detail=detail,
        )
    return VibnError(f"{url} answers {status}, not as a Vibn server does.", hint=_NOT_OURS)


def _text(value: object) -> str:
    return _UNSEEN.sub("", value)[:4000] if isinstance(value, str) else ""
