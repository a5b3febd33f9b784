"""The rules that give boxes the internet and keep them from all else.

They live in a table of our own, ``inet vibn_bubblewrap``, and match interfaces by their name:
``vbw-*`` are guarded boxes, ``vbo-*`` boxes of an installation that turned the guard off. The one
thing outside of it: where the host's own firewall drops what is forwarded (Docker's does), a chain
``VIBN-BUBBLEWRAP`` that accepts ours is called from FORWARD. The last box takes all of it along.
"""

from __future__ import annotations

from collections.abc import Sequence

from vibn.errors import RuntimeUnavailable
from vibn.runtimes.bubblewrap.commands import must, run, which
from vibn.runtimes.ranges import REFUSED_4

GUARDED = "vbw-"
OPEN = "vbo-"
TABLE = "inet vibn_bubblewrap"
CHAIN = "VIBN-BUBBLEWRAP"


def ruleset(block: str, resolvers: Sequence[str], only_ours: bool) -> str:
    """The table, as one transaction that replaces an earlier one.

    ``block`` is what boxes' networks are cut from. Guarded boxes reach ``resolvers`` on port 53
    wherever they are. ``only_ours`` forbids all other forwarding: for a host that did none.
    """
    v4 = [address for address in resolvers if ":" not in address]
    dns = f"ip daddr {{ {', '.join(v4)} }} meta l4proto {{ tcp, udp }} th dport 53 accept"
    if not v4:
        dns = ""
    rest = f'iifname != "{GUARDED}*" iifname != "{OPEN}*" drop' if only_ours else ""
    return f"""
add table {TABLE}
delete table {TABLE}
table {TABLE} {{
  chain out {{
    ct state established,related accept
    oifname "{GUARDED}*" drop
    oifname "{OPEN}*" drop
    {dns}
    meta nfproto ipv6 drop
    ip daddr {{ {", ".join(REFUSED_4)} }} reject with icmp type admin-prohibited
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{GUARDED}*" jump out
    oifname "{GUARDED}*" ct state established,related accept
    oifname "{GUARDED}*" drop
    oifname "{OPEN}*" ct state established,related accept
    oifname "{OPEN}*" drop
    {rest}
  }}
  chain input {{
    type filter hook input priority -10; policy accept;
    iifname "{GUARDED}*" ct state established,related accept
    {f'iifname "{GUARDED}*" {dns}' if dns else ""}
    iifname "{GUARDED}*" reject
  }}
  chain translate {{
    type nat hook postrouting priority 100; policy accept;
    ip saddr {block} oifname != "{GUARDED}*" oifname != "{OPEN}*" masquerade
  }}
}}
"""


async def lay(block: str, resolvers: Sequence[str], only_ours: bool) -> None:
    """Put the rules in place. Raises RuntimeUnavailable."""
    await must(["nft", "-f", "-"], ruleset(block, resolvers, only_ours))
    if await _forwarding_dropped():
        await _accept_ours()


async def is_laid(resolvers: Sequence[str]) -> bool:
    """Whether the rules are there, for all ranges and these resolvers, and called from FORWARD."""
    shown = await run(["nft", "list", "table", *TABLE.split()])
    v4 = [address for address in resolvers if ":" not in address]
    # nft shows ranges that touch each other as one: only the first of them is looked for.
    wanted = [*v4, *(block for block in REFUSED_4 if block != "240.0.0.0/4")]
    if shown.status != 0 or not all(address.split("/")[0] in shown.out for address in wanted):
        return False
    return not await _forwarding_dropped() or await _iptables("-C", "FORWARD", "-j", CHAIN) == 0


async def lift() -> None:
    """Remove all that ``lay`` added."""
    await run(["nft", "delete", "table", *TABLE.split()])
    if which("iptables") is not None:
        while (await _iptables("-D", "FORWARD", "-j", CHAIN)) == 0:
            continue
        await _iptables("-F", CHAIN)
        await _iptables("-X", CHAIN)


async def _forwarding_dropped() -> bool:
    """Whether the host's iptables may drop what we forward: its policy, or any rule that could."""
    if which("iptables") is None:
        return False
    listed = (await run(["iptables", "-w", "-S", "FORWARD"])).out.splitlines()
    return "-P FORWARD ACCEPT" not in listed or any("DROP" in r or "REJECT" in r for r in listed)


async def _accept_ours() -> None:
    await _iptables("-N", CHAIN)
    await _iptables("-F", CHAIN)
    back = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"]
    for prefix in (GUARDED, OPEN):
        await _iptables("-A", CHAIN, "-i", f"{prefix}+", "-j", "ACCEPT")
        await _iptables("-A", CHAIN, "-o", f"{prefix}+", *back)
    if await _iptables("-C", "FORWARD", "-j", CHAIN) == 0:
        return
    if await _iptables("-I", "FORWARD", "-j", CHAIN) != 0:
        raise RuntimeUnavailable("The host's FORWARD chain drops boxes and cannot be extended.")


async def _iptables(*arguments: str) -> int:
    return (await run(["iptables", "-w", *arguments])).status
