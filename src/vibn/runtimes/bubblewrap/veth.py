"""A network of its own for each box, when we are root: a pair of interfaces, one end in a network
namespace, behind the host's address translation.

The namespace is owned by the host, so nothing in the box has rights over it. Everything is named
after the box: namespace ``vibn-KEY``, interface ``vbw-KEY``. Each box gets a /30 of the block.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from vibn.errors import LimitReached, RuntimeUnavailable
from vibn.runtimes.bubblewrap import firewall
from vibn.runtimes.bubblewrap.commands import must, run, which
from vibn.runtimes.bubblewrap.lock import held

BLOCK = "10.214.0.0/16"
"""What boxes' networks are cut from, a /30 each."""
_BLOCK = IPv4Network(BLOCK)
_SIZE = 4
_LOCK = Path("/run/vibn-bubblewrap.lock")
_FORWARDING_WAS = Path("/run/vibn-bubblewrap.forwarding")
"""Holds what the host's ip_forward was when we set it."""
_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_INTERFACES = Path("/sys/class/net")
_NAMESPACES = Path("/run/netns")


@dataclass(frozen=True, slots=True)
class Network:
    """The network of one box."""

    key: str
    guarded: bool

    @property
    def namespace(self) -> Path:
        return _NAMESPACES / f"vibn-{self.key}"

    @property
    def interface(self) -> str:
        return f"{firewall.GUARDED if self.guarded else firewall.OPEN}{self.key}"


def of(installation: str, box_id: str, guarded: bool) -> Network:
    digest = hashlib.sha256(f"{installation} {box_id}".encode()).hexdigest()
    return Network(digest[:10], guarded)


async def missing() -> str:
    """Why this host cannot do it, or nothing. Tries it where the kernel cleans up, in a network
    namespace that ends with the attempt: one that is cut short leaves nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    absent = [name for name in ("ip", "nft", "nsenter", "unshare") if which(name) is None]
    if absent:
        return f"missing: {', '.join(absent)}"
    pair = ("type", "veth", "peer", "name", "vbp1")
    made = await run(["unshare", "--net", "ip", "link", "add", "vbp0", *pair])
    if made.status != 0:
        return f"no pair of interfaces can be made: {made.complaint}"
    tables = await run(["nft", "list", "tables"])
    return f"nftables does not work: {tables.complaint}" if tables.status != 0 else ""


async def make(network: Network, resolvers: Sequence[str]) -> str:
    """Make it anew, and the rules unless they are there; returns the box's address.

    Raises RuntimeUnavailable, or LimitReached when the block has no network left.
    """
    async with held(_LOCK):
        await _delete(network)
        only_ours = _forward()
        if not await firewall.is_laid(resolvers):
            await firewall.lay(BLOCK, resolvers, only_ours)
        first = int(_BLOCK.network_address) + _SIZE * await _free()
        outside, inside = IPv4Address(first + 1), IPv4Address(first + 2)
        space, name, mtu = network.namespace.name, network.interface, _mtu()
        await must(["ip", "netns", "add", space])
        host = (
            f"link add {name} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {space}",
            f"link set {name} addrgenmode none",
            f"addr add {outside}/30 dev {name}",
            f"link set {name} up",
        )
        await must(["ip", "-batch", "-"], "\n".join(host) + "\n")
        inner = (
            "link set lo up",
            "link set eth0 addrgenmode none",
            f"addr add {inside}/30 dev eth0",
            "link set eth0 up",
            f"route add default via {outside}",
        )
        await must(["ip", "-netns", space, "-batch", "-"], "\n".join(inner) + "\n")
        return str(inside)


async def _free() -> int:
    """The number of a /30 in which no address of this host is."""
    used: set[int] = set()
    for entry in json.loads(await must(["ip", "-json", "-4", "addr", "show"])):
        for address in entry.get("addr_info", []):
            own = IPv4Interface(f"{address['local']}/{address['prefixlen']}").network
            if own.subnet_of(_BLOCK) and own.prefixlen >= 30:
                used.add((int(own.network_address) - int(_BLOCK.network_address)) // _SIZE)
            elif own.overlaps(_BLOCK):
                raise RuntimeUnavailable(f"This host's own network {own} overlaps {BLOCK}.")
    for index in range(1, _BLOCK.num_addresses // _SIZE):
        if index not in used:
            return index
    raise LimitReached(f"Every network of {BLOCK} is in use.")


async def remove(network: Network) -> None:
    """Remove it; and with the last one of this host, the rules."""
    async with held(_LOCK):
        await _delete(network)
        prefixes = (firewall.GUARDED, firewall.OPEN)
        if any(entry.name.startswith(prefixes) for entry in _INTERFACES.iterdir()):
            return
        await firewall.lift()
        if _FORWARDING_WAS.is_file():
            _IP_FORWARD.write_text(_FORWARDING_WAS.read_text())
            _FORWARDING_WAS.unlink()


async def _delete(network: Network) -> None:
    if (_INTERFACES / network.interface).exists():
        await run(["ip", "link", "delete", network.interface])
    if network.namespace.exists():
        await run(["ip", "netns", "delete", network.namespace.name])


def _forward() -> bool:
    """Let the host forward; whether it is us who made it do so."""
    if _FORWARDING_WAS.is_file():
        return True
    if _IP_FORWARD.read_text().strip() != "0":
        return False
    _FORWARDING_WAS.write_text("0")
    _IP_FORWARD.write_text("1")
    return True


def _mtu() -> int:
    """That of the interface which leads out."""
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        words = line.split()
        if words[1] == "00000000":
            return int((_INTERFACES / words[0] / "mtu").read_text())
    return 1500
