"""The network of a box: the internet, and nothing near."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from vibn.errors import Unsupported
from vibn.models import Severity
from vibn.runtimes.bubblewrap import ending, firewall, life, usernet, veth
from vibn.runtimes.bubblewrap.commands import must
from vibn.runtimes.bubblewrap.host import Networking
from vibn.runtimes.bubblewrap.places import Places
from vibn.runtimes.ranges import REFUSED_4

DIAL = "timeout 5 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo open || echo closed"


@pytest.fixture
async def guarded(boxes, runtime):
    missing = await veth.missing()
    if missing:
        pytest.skip(f"no network of its own for boxes here: {missing}")
    return runtime


@asynccontextmanager
async def listening(host: str) -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _r, w: w.close(), host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.internet
async def test_a_package_can_be_downloaded(boxes, guarded):
    ref = await boxes.make(guarded)
    result = await boxes.run(guarded, ref, "cd /tmp && pip download --no-deps idna && ls idna*")
    assert result.exit == 0, result
    assert b"idna" in result.stdout


async def test_the_host_is_out_of_reach_on_all_its_addresses(boxes, guarded):
    ref = await boxes.make(guarded)
    async with listening("0.0.0.0") as port:
        gateway = await boxes.told(
            guarded, ref, "ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'"
        )
        for host in (gateway, *host_addresses()):
            assert await boxes.told(guarded, ref, DIAL.format(host=host, port=port)) == "closed"


async def test_the_host_reaches_the_box(boxes, guarded):
    ref = await boxes.make(guarded)
    await boxes.told(guarded, ref, "(python3 -m http.server 8080 >/dev/null 2>&1 &); sleep 1")
    address = await guarded.address(ref, 8080)
    _reader, writer = await asyncio.wait_for(
        asyncio.open_connection(address.host, address.port), 10
    )
    writer.close()


async def test_another_box_is_out_of_reach(boxes, guarded):
    first, second = await boxes.make(guarded), await boxes.make(guarded)
    await boxes.told(guarded, first, "(python3 -m http.server 8080 >/dev/null 2>&1 &); sleep 1")
    address = await guarded.address(first, 8080)
    dial = DIAL.format(host=address.host, port=address.port)
    assert await boxes.told(guarded, second, dial) == "closed"


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "172.17.0.1", "192.168.1.1"])
async def test_private_ranges_are_out_of_reach(boxes, guarded, host):
    ref = await boxes.make(guarded)
    assert await boxes.told(guarded, ref, DIAL.format(host=host, port=80)) == "closed"


async def test_ports_of_two_boxes_do_not_collide(boxes, guarded):
    for ref in (await boxes.make(guarded), await boxes.make(guarded)):
        started = "(python3 -m http.server 8080 >log 2>&1 &); sleep 1; cat log"
        assert "in use" not in await boxes.told(guarded, ref, started)


async def test_a_stopped_box_leaves_no_interface(boxes, guarded):
    ref = await boxes.make(guarded)
    network = veth.of(boxes.installation, ref.box_id, True)
    interface = Path("/sys/class/net") / network.interface
    assert interface.exists()
    await guarded.stop(ref, grace=1)
    assert not interface.exists()
    assert not network.namespace.exists()


@pytest.mark.parametrize("after", [0.0, 0.002, 0.005, 0.01, 0.02])
async def test_a_look_at_the_host_that_was_cut_short_leaves_nothing(guarded, after):
    looking = asyncio.create_task(veth.missing())
    await asyncio.sleep(after)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert await veth.missing() == ""
    assert [path.name for path in Path("/sys/class/net").glob("vbp*")] == []


@pytest.fixture
def carried(boxes):
    if not shutil.which("slirp4netns"):
        pytest.skip("slirp4netns is not installed")
    if usernet.missing():
        pytest.skip(f"this host cannot carry a network: {usernet.missing()}")
    return boxes.runtime(networking=Networking.SLIRP)


async def test_a_network_is_given_to_a_sandbox_that_is_built_before_its_program_runs(
    boxes, carried, monkeypatch
):
    found = []
    attach = usernet.attach

    async def look(name, box, pidfile, guarded):
        await asyncio.sleep(0.3)
        found.append((box.name(), list(pidfile.with_name("run").iterdir())))
        return await attach(name, box, pidfile, guarded)

    monkeypatch.setattr(usernet, "attach", look)
    ref = await boxes.make(carried)
    assert found == [("sh", [])]
    assert "tap0" in await boxes.told(carried, ref, "cat /proc/net/dev")


async def test_a_program_that_carries_a_network_ends_with_the_next_life(boxes, carried):
    ref = await boxes.make(carried)
    at = Places(boxes.base, ref.box_id)
    first = life.load(at.life, at.report).helper
    boxes.main(ref).send(signal.SIGKILL)
    assert await ending.gone(boxes.main(ref), 10)
    await carried.start(ref)
    second = life.load(at.life, at.report).helper
    assert await ending.gone(first, 10)
    assert second.alive()
    await carried.stop(ref, grace=1)
    assert await ending.gone(second, 10)


async def test_on_the_host_s_network_a_second_workspace_is_refused(boxes):
    shared = boxes.runtime(networking=Networking.HOST, why_host="this test says so")
    first = await boxes.make(shared, workspace="acme")
    assert await boxes.told(shared, first, "echo up") == "up"
    await boxes.make(shared, workspace="acme")
    with pytest.raises(Unsupported, match="second workspace"):
        await boxes.make(shared, workspace="globex")
    warnings = [f for f in await shared.check() if f.subject == "network"]
    assert warnings[0].severity is Severity.WARNING
    assert warnings[0].fix


def test_the_rules_name_nothing_but_our_interfaces():
    rules = firewall.ruleset("10.214.0.0/16", ["10.0.0.53"], only_ours=False)
    for line in rules.splitlines():
        if "drop" in line or "reject" in line or "masquerade" in line:
            assert "vbw-" in line or "vbo-" in line or "chain out" in rules.split(line)[0]


def host_addresses() -> list[str]:
    """The IPv4 addresses of this host's interfaces, but for the loopback."""
    lines = os.popen("ip -o -4 addr show scope global").read().splitlines()
    return [line.split()[3].split("/")[0] for line in lines][:4]


async def test_addresses_that_are_not_of_the_internet_are_out_of_reach(boxes, guarded):
    ref = await boxes.make(guarded)
    near = [str(next(ip_network(block).hosts())) for block in REFUSED_4]
    words = " ".join(near)
    program = """
import errno, socket, sys
for host in sys.argv[1:]:
    with socket.socket() as end:
        end.settimeout(5)
        try:
            print(host, errno.errorcode[end.connect_ex((host, 80))])
        except OSError as exc:
            print(host, exc)
"""
    told = dict(
        line.split(" ", 1)
        for line in (await boxes.told(guarded, ref, f"python3 -c '{program}' {words}")).splitlines()
    )
    assert list(told) == near
    assert {told[str(next(ip_network(b).hosts()))] for b in REFUSED_4[1:3]} == {"EHOSTUNREACH"}
    assert told["198.18.0.1"] == "EHOSTUNREACH"
    assert "EAGAIN" not in told.values()


async def test_the_rules_are_known_again_with_all_their_ranges(boxes, guarded):
    await boxes.make(guarded)
    assert await firewall.is_laid(())
    shown = await must(["nft", "list", "table", *firewall.TABLE.split()])
    assert "198.18.0.0/15" in shown
