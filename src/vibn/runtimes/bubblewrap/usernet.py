"""A network of its own for each box without root: pasta or slirp4netns, a program that carries a
network namespace's traffic through ordinary sockets of ours.

The host's loopback is not reachable, and routes in the namespace, over which the box has no
rights, lead private ranges nowhere. Addresses of the host in public ranges stay reachable.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from vibn.errors import BoxFailed
from vibn.runtimes.bubblewrap.commands import must, which
from vibn.runtimes.bubblewrap.sandbox import PYTHON
from vibn.runtimes.processes import Process
from vibn.runtimes.ranges import REFUSED_4

_UNROUTED = ("0.0.0.0/8", "127.0.0.0/8")
"""Of what is refused, what leads out of no network anyway."""
_TUN = "/dev/net/tun"
_ENTER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for kind, flag in (("user", 0x10000000), ("net", 0x40000000)):
    if libc.setns(os.open(f"/proc/{sys.argv[1]}/ns/{kind}", os.O_RDONLY), flag):
        sys.exit(os.strerror(ctypes.get_errno()))
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
data[2] |= 1 << 12
libc.capset(header, data)
libc.prctl(47, 2, 12, 0, 0)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Enters a process's user and network namespaces, and runs a program there that keeps the right
to configure the network (ambient CAP_NET_ADMIN): nsenter loses it, not being root there."""
PROGRAMS = ("pasta", "slirp4netns")
SLIRP_RESOLVER = "10.0.2.3"
PASTA_RESOLVER = "198.51.100.53"
_PASTA_INSIDE, _PASTA_GATEWAY = "198.51.100.2", "198.51.100.1"


def program() -> str | None:
    """The one that this host has, the better one first."""
    return next((name for name in PROGRAMS if which(name) is not None), None)


def missing() -> str:
    """Why this host cannot do it, or nothing."""
    if program() is None:
        return "pasta and slirp4netns are missing"
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"{_TUN} may not be opened"
    return "" if which("ip") is not None and which("nsenter") is not None else "ip is missing"


def resolver(name: str) -> str:
    """The address inside under which the program answers DNS."""
    return PASTA_RESOLVER if name == "pasta" else SLIRP_RESOLVER


async def attach(name: str, box: Process, pidfile: Path, guarded: bool) -> Process:
    """Give the namespaces of ``box`` a network; returns the program. It does not end with the box:
    ``detach`` ends it.

    Raises BoxFailed when it does not come up within 10 s.
    """
    pidfile.unlink(missing_ok=True)
    helper = await (_pasta if name == "pasta" else _slirp)(box, pidfile)
    if not guarded:
        return helper
    try:
        space = [PYTHON, "-I", "-S", "-c", _ENTER, str(box.pid)]
        lines = [f"route add unreachable {block}" for block in REFUSED_4 if block not in _UNROUTED]
        await must([*space, "ip", "-batch", "-"], "\n".join(lines) + "\n")
    except BaseException:
        detach(helper)
        raise
    return helper


async def _pasta(box: Process, pidfile: Path) -> Process:
    options = ["--config-net", "--no-map-gw", "--ipv4-only", "--quiet", "--pid", str(pidfile)]
    # An address of our choice: with a copy of the host's, its neighbours would be on link.
    options += ["--address", _PASTA_INSIDE, "--netmask", "24", "--gateway", _PASTA_GATEWAY]
    options += ["--dns-forward", PASTA_RESOLVER, "--tcp-ports", "none", "--udp-ports", "none"]
    options += ["--tcp-ns", "none", "--udp-ns", "none"]
    await must(["pasta", *options, str(box.pid)])
    helper = Process.find(int(pidfile.read_text()))
    if helper is None:
        raise BoxFailed("pasta ended at once.")
    return helper


async def _slirp(box: Process, pidfile: Path) -> Process:
    ready, written = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *("setsid", "--fork", "sh", "-c", 'echo $$ >"$0"; exec "$@"', str(pidfile)),
            *("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"),
            *(f"--ready-fd={written}", str(box.pid), "tap0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(written,),
        )
        await process.wait()
        os.close(written)
        written = -1
        os.set_blocking(ready, False)
        await _readable(ready, 10.0)
        if os.read(ready, 1) != b"1":
            raise BoxFailed("slirp4netns ended at once.")
    except TimeoutError as exc:
        raise BoxFailed("slirp4netns did not come up within 10 s.") from exc
    finally:
        os.close(ready)
        if written >= 0:
            os.close(written)
    helper = Process.find(int(pidfile.read_text()))
    if helper is None:
        raise BoxFailed("slirp4netns ended at once.")
    return helper


async def _readable(fd: int, within: float) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(fd, readable.set)
    try:
        async with asyncio.timeout(within):
            await readable.wait()
    finally:
        loop.remove_reader(fd)


def detach(helper: Process | None) -> None:
    if helper is not None:
        with contextlib.suppress(ProcessLookupError):
            helper.send(signal.SIGTERM)


def resolvers(name: str) -> Sequence[str]:
    return (resolver(name),)
