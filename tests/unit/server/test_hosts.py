"""Which names and which pages are let in."""

from __future__ import annotations

import pytest

from vibn.config import Settings
from vibn.errors import HostRefused, OriginRefused
from vibn.server.hosts import Hosts

SETTINGS = Settings(
    public_url="https://vibn.example.com",
    allowed_hosts="inner:8642, other.example.com",
    allowed_origins="https://console.example.com",
)
HOSTS = Hosts.of(SETTINGS)


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8642",
        "127.0.0.1:1",
        "[::1]:8642",
        "10.1.2.3",
        "vibn.example.com",
        "VIBN.example.com:443",
        "inner:8642",
        "other.example.com:99",
        "x.localhost:80",
    ],
)
def test_our_names_and_addresses_are_let_in(host: str):
    HOSTS.check(host, None)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "inner:1", "localhost.evil.example", "127.0.0.1.evil.example", "["]
)
def test_any_other_name_is_refused(host: str):
    with pytest.raises(HostRefused):
        HOSTS.check(host, None)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://vibn.example.com", "https://CONSOLE.example.com"]
)
def test_our_own_pages_and_the_named_ones_may_call(origin: str):
    HOSTS.check("localhost:8642", origin)


@pytest.mark.parametrize("origin", ["null", "", "https://evil.example", "file://", "ftp://inner"])
def test_other_pages_may_not(origin: str):
    with pytest.raises(OriginRefused):
        HOSTS.check("localhost:8642", origin)
