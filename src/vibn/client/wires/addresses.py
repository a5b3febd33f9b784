"""What both wires make of an address."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vibn.client.problem import problem
from vibn.errors import VibnError

if TYPE_CHECKING:
    from websockets.exceptions import InvalidStatus

LARGEST = 16 << 20
"""Bytes of one message over a socket."""


def is_local(url: str) -> bool:
    """Whether it leads to this machine: then no proxy stands between."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def socket_url(url: str) -> str:
    return "ws" + url.removeprefix("http")


def trust(url: str) -> ssl.SSLContext | bool:
    """What to verify with. Loading the authorities takes time, and plain HTTP asks none."""
    return url.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def refusal(error: InvalidStatus, url: str) -> VibnError:
    """Why the server did not open a socket."""
    response = error.response
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return problem(response.status_code, headers, bytes(response.body or b""), url)
