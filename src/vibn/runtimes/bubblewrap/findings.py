"""``vibn doctor`` for bubblewrap: what this host lets us do, and what would mend the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vibn.config import Settings
from vibn.models import Finding, Severity
from vibn.runtimes.bubblewrap import keyring, resolvers, seccomp, veth
from vibn.runtimes.bubblewrap.commands import which
from vibn.runtimes.bubblewrap.host import Availability, Host, Networking

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_WANTED = 512
_LIMITS = ("memory", "pids", "cpus", "freezer")


def findings(usable: Availability, host: Host, settings: Settings) -> Sequence[Finding]:
    found = [_sandbox(usable), _cgroups(host), _network(host, settings.network_guard)]
    if host.networking is Networking.VETH and resolvers.usable() == resolvers.PUBLIC:
        found.append(
            Finding(
                Severity.WARNING,
                "dns",
                f"this host's resolver is out of boxes' reach; they ask {resolvers.PUBLIC[0]}",
                "name a resolver in /etc/resolv.conf that does not listen on the loopback",
            )
        )
    found += [_filter(), _git()]
    if not host.root:
        found.append(_inotify())
    found.append(
        Finding(Severity.WARNING, "disk", "the disk limit is not applied", "use the docker runtime")
    )
    return found


def _sandbox(usable: Availability) -> Finding:
    if usable.usable:
        return Finding(Severity.OK, "bubblewrap", "bwrap makes sandboxes here")
    return Finding(Severity.ERROR, "bubblewrap", usable.reason, usable.fix)


def _cgroups(host: Host) -> Finding:
    if host.hierarchies is None:
        return Finding(
            Severity.WARNING,
            "limits",
            "no cgroup can be written: memory is limited for each process alone, CPU not at all",
            "run vibn as root, or under systemd with Delegate=yes",
        )
    absent = [name for name in _LIMITS if name not in host.hierarchies.parents]
    if absent:
        return Finding(
            Severity.WARNING,
            "limits",
            f"{host.hierarchies.name} lacks: {', '.join(absent)}",
            "enable these controllers for the group in which vibn runs",
        )
    return Finding(Severity.OK, "limits", f"memory, CPU and processes by {host.hierarchies.name}")


def _network(host: Host, guarded: bool) -> Finding:
    if host.networking is Networking.HOST:
        message = f"boxes share this host's network ({host.why_host}): one workspace only"
        return Finding(Severity.WARNING, "network", message, network_fix(host))
    if not guarded:
        message = "boxes reach this host and private ranges: the guard is off"
        return Finding(Severity.WARNING, "network", message, "unset VIBN_NETWORK_GUARD")
    if host.networking is Networking.VETH:
        return Finding(Severity.OK, "network", f"each box has a network of its own in {veth.BLOCK}")
    message = f"each box has a network of its own through {host.networking.value}; "
    return Finding(Severity.OK, "network", message + "public addresses of this host are reachable")


def network_fix(host: Host) -> str:
    if "/dev/net/tun" in host.why_host:
        return "chmod 666 /dev/net/tun (or run vibn as root)"
    if not host.root:
        return "apt-get install -y --no-install-recommends passt iproute2 (or run vibn as root)"
    return "apt-get install -y --no-install-recommends iproute2 nftables util-linux"


def _filter() -> Finding:
    absent = [why for why in (seccomp.why_not(), keyring.why_not()) if why]
    if not absent:
        return Finding(Severity.OK, "filter", "boxes are refused the system calls they do without")
    return Finding(
        Severity.WARNING,
        "filter",
        f"boxes may use all system calls of this kernel: {'; '.join(absent)}",
        "use the docker runtime for code that you do not trust",
    )


def _git() -> Finding:
    """Boxes have the host's programs: name the ones that an agent most misses."""
    absent = [name for name in ("git", "rg", "curl") if which(name) is None]
    if not absent:
        return Finding(Severity.OK, "programs", "boxes have git, ripgrep and curl from this host")
    packages = " ".join("ripgrep" if name == "rg" else name for name in absent)
    return Finding(
        Severity.WARNING,
        "programs",
        f"boxes use this host's programs, and it lacks: {', '.join(absent)}",
        f"apt-get install -y --no-install-recommends {packages}",
    )


def _inotify() -> Finding:
    """Without root all boxes share the inotify instances of one user."""
    number = int(_INOTIFY.read_text()) if _INOTIFY.is_file() else _INOTIFY_WANTED
    if number >= _INOTIFY_WANTED:
        return Finding(Severity.OK, "inotify", f"{number} instances for file watching")
    return Finding(
        Severity.WARNING,
        "inotify",
        f"all boxes together watch files with {number} instances",
        f"sysctl -w fs.inotify.max_user_instances={_INOTIFY_WANTED}",
    )
