"""The name servers that boxes may ask: the host's, where a box can reach them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

CONFIGURATIONS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
PUBLIC = ("1.1.1.1", "8.8.8.8")
"""Asked when the host's own listens on its loopback only, where no box comes."""


def usable(configurations: Sequence[Path] = CONFIGURATIONS) -> tuple[str, ...]:
    """At most three IPv4 addresses of name servers outside the loopback; PUBLIC when none is."""
    for path in configurations:
        found = [a for a in named(path) if not ipaddress.ip_address(a).is_loopback]
        found = [a for a in found if ipaddress.ip_address(a).version == 4]
        if found:
            return tuple(found[:3])
    return PUBLIC


def named(path: Path) -> list[str]:
    """The name servers in a resolv.conf, those that are addresses."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found: list[str] = []
    for line in lines:
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            found.append(str(ipaddress.ip_address(words[1].partition("%")[0])))
        except ValueError:
            continue
    return found
