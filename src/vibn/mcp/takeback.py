"""``notifications/cancelled`` of the handshake eras: a POST of its own, which any replica may get.

The SDK serves each POST for itself, so there a cancellation finds no call. Here it is matched with
the calls of this server, and told to the other replicas when none of them fits.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress

from vibn.errors import StoreUnavailable
from vibn.mcp.exchange import Exchange
from vibn.mcp.inflight import CallKey, InFlight
from vibn.store.relay import Relay

log = logging.getLogger(__name__)

LONGEST_ID = 256
_METHOD = b"notifications/cancelled"


class Takebacks:
    """``relay`` None: there is no other replica."""

    def __init__(self, calls: InFlight, relay: Relay | None) -> None:
        self._calls = calls
        self._relay = relay

    async def apply(self, exchange: Exchange, body: bytes) -> None:
        """Cancel the call that a cancellation names. One that names none is no error: the call
        may have ended meanwhile."""
        key = key_of(exchange, cancelled_in(body))
        if key is None or self._calls.cancel(key) or self._relay is None:
            return
        with suppress(StoreUnavailable):
            await self._relay.tell(json.dumps([key.token, key.session, key.request]))

    async def listen(self) -> None:
        """Apply what other replicas could not; runs for as long as the server does."""
        if self._relay is None:
            return
        async for word in self._relay.told():
            try:
                token, session, request = map(str, json.loads(word))
            except (ValueError, TypeError):
                log.warning("a word between replicas was not understood")
                continue
            self._calls.cancel(CallKey(token, session, request))


def key_of(exchange: Exchange, request_id: str | int | None) -> CallKey | None:
    """None for a call that cannot be taken back: a client without a session has ids like those of
    every other holder of its token, and one must not end the other's work."""
    if request_id is None or not exchange.session or len(str(request_id)) > LONGEST_ID:
        return None
    return CallKey(exchange.token.id, exchange.session, str(request_id))


def is_takeback(body: bytes) -> bool:
    return _METHOD in body and _message(body).get("method") == _METHOD.decode()


def cancelled_in(body: bytes) -> str | int | None:
    params = _message(body).get("params")
    found = params.get("requestId") if isinstance(params, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def is_initialize(body: bytes) -> bool:
    return b'"initialize"' in body and _message(body).get("method") == "initialize"


def _message(body: bytes) -> dict[str, object]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
