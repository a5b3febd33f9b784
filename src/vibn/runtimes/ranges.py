"""Addresses that a guarded box reaches on no runtime, because they are not of the internet."""

from __future__ import annotations

REFUSED_4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",
    "100.64.0.0/10",  # between a carrier and its customers; some clouds' inner services
    "127.0.0.0/8",
    "169.254.0.0/16",  # the link; clouds' metadata
    "172.16.0.0/12",
    "192.0.0.0/24",  # protocols' own; some clouds' metadata
    "192.168.0.0/16",
    "198.18.0.0/15",  # measurements; some proxies' and hypervisors' inner side
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
)
