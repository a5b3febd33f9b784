"""What a box reaches: the internet and DNS, and nothing of the host or its neighbours."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator

import pytest

from vibn.runtimes.docker import guard

PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(target):
    host, port = target
    try:
        socket.create_connection((host, port), 3).close()
    except OSError:
        return False
    return True
targets = json.load(sys.stdin)
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(reached, targets))))
"""


@pytest.fixture(autouse=True)
def _needs_the_guard() -> None:
    if guard.missing():
        pytest.skip(f"the network guard cannot be applied: {guard.missing()}")


@pytest.fixture
async def host_port() -> AsyncIterator[int]:
    """A service of the host on all its addresses."""
    server = await asyncio.start_server(lambda _, w: w.close(), "0.0.0.0", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def addresses() -> list[str]:
    """Every IPv4 address of this host."""
    process = await asyncio.create_subprocess_exec(
        "ip", "-json", "-4", "address", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    found = [a["local"] for link in json.loads(out) for a in link["addr_info"]]
    return [text for text in found if not ipaddress.ip_address(text).is_loopback]


async def probe(client, targets: list[tuple[str, int]]) -> dict[str, bool]:
    done = await client.exec(argv=["python3", "-c", PROBE], stdin=json.dumps(targets).encode())
    assert done.exit == 0, done.stderr.decode()
    return dict(zip([host for host, _ in targets], json.loads(done.stdout), strict=True))


async def test_no_service_of_the_host_is_reached_by_any_address(runtime, make, reach, host_port):
    client = await reach(runtime, await make(runtime))
    mine = await addresses()
    for host in mine:
        (await asyncio.open_connection(host, host_port))[1].close()  # it does listen there
    found = await probe(client, [(host, host_port) for host in mine])
    assert len(mine) >= 2
    assert found == dict.fromkeys(mine, False)


async def test_another_projects_box_is_not_reached_and_the_host_reaches_both(runtime, make, reach):
    one, other = await asyncio.gather(make(runtime), make(runtime, project="other"))
    serve = "python3 -c 'import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000)'"
    await (await reach(runtime, other)).job_start(serve)
    address = await runtime.address(other, 8000)
    await until_answers(address.host, address.port)
    found = await probe(await reach(runtime, one), [(address.host, 8000)])
    assert found == {address.host: False}
    assert await answers(address.host, address.port)


async def test_private_ranges_and_the_metadata_address_are_refused_at_once(runtime, make, reach):
    client = await reach(runtime, await make(runtime))
    hosts = ("10.1.2.3", "172.20.1.1", "192.168.1.1", "100.64.0.1", "169.254.169.254")
    found = await probe(client, [(host, 80) for host in hosts])
    assert found == dict.fromkeys(hosts, False)
    refused = await client.exec("curl -sS -m 5 http://169.254.169.254/")
    assert b"timed out" not in refused.stderr


@pytest.mark.internet
async def test_names_resolve_and_a_package_index_answers(runtime, make, reach):
    client = await reach(runtime, await make(runtime))
    done = await client.exec("cd /tmp && pip download --no-deps --no-cache-dir six", timeout=300)
    assert done.exit == 0, done.stderr.decode()


async def test_a_box_without_the_guard_is_said_so(settings, make, installation):
    from vibn.runtimes.docker import DockerRuntime

    open_ = DockerRuntime(settings.model_copy(update={"network_guard": False}), installation)
    subjects = {f.subject: f for f in await open_.check()}
    assert subjects["network guard"].severity == "warning"
    assert subjects["network guard"].fix
    await open_.close()


async def until_answers(host: str, port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            if await answers(host, port):
                return
            await asyncio.sleep(0.05)


async def answers(host: str, port: int) -> bool:
    try:
        (await asyncio.open_connection(host, port))[1].close()
    except OSError:
        return False
    return True
