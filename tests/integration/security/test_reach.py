"""What a box reaches over networks and sockets: the internet, and nothing near."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.security.conftest import SIBLING, STRANGER, Attack

DIAL = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def reached(target):
    host, port = target
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as dialled:
            dialled.settimeout(2)
            dialled.connect(address)
    except OSError:
        return False
    return True

targets = json.load(sys.stdin)
with ThreadPoolExecutor(32) as pool:
    found = pool.map(reached, targets)
    print(json.dumps([host for (host, _), open in zip(targets, found) if open]))
"""
NEAR = (
    *("169.254.169.254", "10.0.0.1", "172.17.0.1", "172.31.0.1", "192.168.0.1", "100.64.0.1"),
    *("100.100.100.200", "240.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254"),
)
RAW = """
import socket

for name, kind in {
    "raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "packet": (socket.AF_PACKET, socket.SOCK_RAW, 0x0300),
    "packet without header": (socket.AF_PACKET, socket.SOCK_DGRAM, 0x0300),
}.items():
    try:
        socket.socket(*kind)
    except PermissionError:
        continue
    print("opened", name)
try:
    socket.socket().setsockopt(socket.SOL_IP, 19, 1)
    print("may speak for other addresses")
except PermissionError:
    pass
"""
pytestmark = pytest.mark.usefixtures("rooted")


async def reached(attack: Attack, targets: list[tuple[str, int]]) -> list[str]:
    """The hosts that took a connection from the attacker's box."""
    told = await attack.python(DIAL, stdin=json.dumps(targets))
    found: list[str] = json.loads(told)
    return found


@asynccontextmanager
async def service(host: str) -> AsyncIterator[int]:
    """A service of the host; its port."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def addresses() -> list[str]:
    """Every address of this host, those of loopback and of links too."""
    shown = subprocess.run(["ip", "-json", "address"], capture_output=True, check=True).stdout
    found = [a["local"] for link in json.loads(shown) for a in link.get("addr_info", ())]
    return [f"{text}%eth0" if text.startswith("fe80") else text for text in found]


async def test_no_service_of_the_host_answers_on_any_of_its_addresses(attack: Attack) -> None:
    async with service("0.0.0.0") as four, service("::") as six, service("127.0.0.1") as inner:
        targets = [(host, six if ":" in host else four) for host in addresses()]
        assert len(targets) >= 2
        assert await reached(attack, [*targets, ("127.0.0.1", inner), ("0.0.0.0", inner)]) == []


async def test_no_other_box_answers_be_it_a_sibling_s_or_a_stranger_s(attack: Attack) -> None:
    found = []
    for place in (SIBLING, STRANGER):
        await attack.make(place)
        await attack.app.shell.start(*place, "python3 -m http.server 8000 --bind 0.0.0.0")
        said = await attack.app.shell.exec(
            *place, "until python3 -c 'import socket as s; s.create_connection((\"127.0.0.1\","
            " 8000))' 2>/dev/null; do sleep .1; done; python3 -c 'import socket as s;"
            " u = s.socket(s.AF_INET, s.SOCK_DGRAM); u.connect((\"192.0.2.9\", 9));"
            " print(u.getsockname()[0])'", timeout_ms=30_000
        )  # fmt: skip
        found.append((said.stdout.strip(), 8000))
    assert len(set(found)) == 2
    assert await reached(attack, found) == []


async def test_private_ranges_and_the_metadata_address_are_closed(attack: Attack) -> None:
    assert await reached(attack, [(host, 80) for host in NEAR]) == []


async def test_datagrams_to_the_host_are_lost(attack: Attack) -> None:
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[bytes] = asyncio.Queue()

    class Waiting(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            came.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Waiting, ("0.0.0.0", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        hosts = [host for host in addresses() if ":" not in host]
        program = f"import socket\ns = socket.socket(2, 2)\ns.setsockopt(1, 6, 1)\nfor h in {hosts}"
        await attack.python(
            program + f" + ['255.255.255.255']:\n try: s.sendto(b'x', (h, {port}))\n"
            " except OSError: pass\n"
        )
        await asyncio.sleep(0.3)
        assert came.empty()
    finally:
        transport.close()


@pytest.mark.parametrize("user", ["vibn", "root"])
async def test_no_packet_can_be_made_by_hand(attack: Attack, user: str) -> None:
    if user == "root" and not attack.app.runtime.capabilities.root:
        pytest.skip("this runtime has no root inside a box")
    assert await attack.python(RAW, user=user) == ""


async def test_abstract_sockets_of_the_host_are_not_there(attack: Attack, token: str) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(greet, f"\0{token}"):
        told = await attack.python(
            f"import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0{token}')\n"
            "except ConnectionRefusedError: print('nobody')\nprint(open('/proc/net/unix').read())"
        )
    assert told.startswith("nobody")
    assert token not in told


@pytest.mark.internet
async def test_the_internet_is_reached_and_names_resolve(attack: Attack) -> None:
    told = await attack.run("cd /tmp && pip download -q --no-deps --no-cache-dir six && ls *.whl")
    assert "six-" in told
