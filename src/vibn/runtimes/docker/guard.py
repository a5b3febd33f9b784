"""The firewall rules that keep boxes from the host and from private networks.

Two chains of our own hold all rules, in IPv4 and in IPv6; one jump each leads there, for packets
that come from a bridge of ours (``br-vibn+``), and carries the comment ``vibn guard``:

    VIBN-FORWARD   from DOCKER-USER (FORWARD where the engine makes none): what boxes send beyond
                   the host. Private ranges, the metadata address and other boxes are refused.
    VIBN-INPUT     from INPUT: what boxes send to the host itself, by whichever of its addresses.
                   DOCKER-USER never sees that. All of it is refused.

Answers to connections that the host opened pass, and so does DNS to the engine's own resolvers:
the engine's resolver sends from the box's network, and a resolver often has a private address.

Rules of others are never touched. Blocking calls; use a thread. Each is idempotent and safe
against another process (a file lock, and iptables' own).
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibn.runtimes.docker.owned import BRIDGE_PREFIX

COMMENT = "vibn guard"
FORWARD, INPUT = "VIBN-FORWARD", "VIBN-INPUT"
BRIDGES = f"{BRIDGE_PREFIX}+"
REFUSED_4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
REFUSED_6 = (
    "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
)  # fmt: skip
RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
DAEMON_JSON = Path("/etc/docker/daemon.json")
LOCK = Path("/run/lock/vibn-guard.lock")
_SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


class GuardFailed(Exception):
    """The rules could not be read or written; the text is iptables' own."""


@dataclass(frozen=True, slots=True)
class Family:
    """IPv4 or IPv6: its programs, its ranges, its ways to refuse."""

    version: int
    program: str
    refused: tuple[str, ...]
    reject: str


FAMILIES = (
    Family(4, "iptables", REFUSED_4, "icmp-admin-prohibited"),
    Family(6, "ip6tables", REFUSED_6, "icmp6-adm-prohibited"),
)


def missing() -> str:
    """Why this process cannot write rules; empty when it can."""
    if os.geteuid() != 0:
        return "the control plane is not root"
    if shutil.which("iptables", path=_SEARCH) is None:
        return "the program iptables is missing"
    return ""


def resolvers() -> list[str]:
    """The addresses that the engine's resolver asks: the daemon's own, else the host's."""
    named: list[str] = []
    try:
        found = json.loads(DAEMON_JSON.read_text()).get("dns", [])
        named = [str(address) for address in found]
    except (OSError, ValueError, AttributeError):
        pass
    for path in RESOLV_CONF:
        try:
            words = [line.split() for line in path.read_text().splitlines()]
        except OSError:
            continue
        named += [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
    valid: set[str] = set()
    for text in named:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
        if not address.is_loopback:
            valid.add(str(address))
    return sorted(valid)


def rules(family: Family, servers: Sequence[str]) -> tuple[list[str], list[str]]:
    """The rules of the two chains, without the comment."""
    established = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    refuse = f"-j REJECT --reject-with {family.reject}"
    mine = [s for s in servers if ipaddress.ip_address(s).version == family.version]
    ask = [f"-d {s} -p {p} --dport 53 -j RETURN" for s in mine for p in ("udp", "tcp")]
    # Without neighbour discovery a box with an IPv6 address would reach nothing at all.
    ndp = [f"-p icmpv6 --icmpv6-type {n} -j RETURN" for n in (133, 135, 136)]
    forward = [
        established,
        *ask,
        *(f"-d {net} {refuse}" for net in family.refused),
        f"-o {BRIDGES} {refuse}",
        "-j RETURN",
    ]
    return forward, [established, *ask, *(ndp if family.version == 6 else []), refuse]


def ensure() -> None:
    """Put the rules in place, unless just these are. Raises GuardFailed."""
    servers = resolvers()
    with _locked():
        for family in FAMILIES:
            _ensure(family, servers)


def _ensure(family: Family, servers: Sequence[str]) -> None:
    forward, into = rules(family, servers)
    mark = f"{COMMENT} {hashlib.sha256(repr((forward, into)).encode()).hexdigest()[:12]}"
    present = _present(family)
    if present is None:
        return
    hook = _hook(present)
    counts = [sum(line.startswith(f"-A {c} ") for line in present) for c in (FORWARD, INPUT)]
    if (
        counts == [len(forward), len(into)]
        and any(mark in line for line in present)
        and _first(present, hook).endswith(f"-j {FORWARD}")
        and _first(present, "INPUT").endswith(f"-j {INPUT}")
    ):
        return
    note = f'-m comment --comment "{mark}"'
    lines = ["*filter", f":{FORWARD} - [0:0]", f":{INPUT} - [0:0]"]
    lines += [f"-A {FORWARD} {note} {rule}" for rule in forward]
    lines += [f"-A {INPUT} {note} {rule}" for rule in into]
    lines += _jumps(present, keep=False)
    lines += [
        f'-I {hook} 1 -i {BRIDGES} -m comment --comment "{COMMENT}" -j {FORWARD}',
        f'-I INPUT 1 -i {BRIDGES} -m comment --comment "{COMMENT}" -j {INPUT}',
    ]
    # One restore is one transaction: at no moment are boxes without rules.
    _run(f"{family.program}-restore", "-w", "10", "--noflush", text="\n".join([*lines, "COMMIT\n"]))


def remove() -> None:
    """Take our rules and chains out; what is not there is no error. Raises GuardFailed."""
    with _locked():
        _remove()


def remove_if_unused() -> None:
    """The same, unless a bridge of ours, of any installation, is still on this host."""
    with _locked():
        if not any_bridge():
            _remove()


def _remove() -> None:
    for family in FAMILIES:
        present = _present(family)
        ours = [c for c in (FORWARD, INPUT) if present and f"-N {c}" in present]
        if present is None or not (ours or _jumps(present, keep=False)):
            continue
        lines = ["*filter", *_jumps(present, keep=False)]
        lines += [f"-F {chain}" for chain in ours] + [f"-X {chain}" for chain in ours]
        text = "\n".join([*lines, "COMMIT\n"])
        _run(f"{family.program}-restore", "-w", "10", "--noflush", text=text)


def applied() -> bool:
    """Whether both jumps are in place, in IPv4."""
    present = _present(FAMILIES[0]) or []
    found = _jumps(present, keep=True)
    return any(j.endswith(FORWARD) for j in found) and any(j.endswith(INPUT) for j in found)


def any_bridge() -> bool:
    """Whether a bridge of ours, of any installation, is on this host."""
    return any(path.name.startswith(BRIDGE_PREFIX) for path in _interfaces())


def bridge_here(name: str) -> bool:
    """Whether the bridge is an interface of our own network: then the engine's is ours."""
    return any(path.name == name for path in _interfaces())


def _interfaces() -> list[Path]:
    return list(Path("/sys/class/net").iterdir())


def _hook(present: Sequence[str]) -> str:
    return "DOCKER-USER" if "-N DOCKER-USER" in present else "FORWARD"


def _first(present: Sequence[str], chain: str) -> str:
    return next((line for line in present if line.startswith(f"-A {chain} ")), "")


def _jumps(present: Sequence[str], keep: bool) -> list[str]:
    """Our jumps, as they stand or (not ``keep``) as the commands that delete them."""
    found = [line for line in present if line.endswith((f"-j {FORWARD}", f"-j {INPUT}"))]
    return found if keep else ["-D" + line.removeprefix("-A") for line in found]


def _present(family: Family) -> list[str] | None:
    """The filter table as ``-S`` prints it; None where this host has no such family."""
    if family.version == 6 and not Path("/proc/net/if_inet6").exists():
        return None
    return _run(family.program, "-w", "10", "-S").splitlines()


def _run(*command: str, text: str = "") -> str:
    environment = {**os.environ, "PATH": _SEARCH, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, input=text, capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise GuardFailed(str(exc)) from exc
    if done.returncode != 0:
        raise GuardFailed(f"{command[0]}: {done.stderr.strip()[:500]}")
    return done.stdout


@contextmanager
def _locked() -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
