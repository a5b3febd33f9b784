"""The two ways to the agent keep one promise: its socket, and the relay over TCP."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket

import pytest

from vibn.errors import AgentLost
from vibn.runtimes.docker import DockerRuntime


async def test_many_calls_share_one_connection(either, make, reach):
    client = await reach(either, await make(either))
    done = await asyncio.gather(*(client.exec(f"echo {n}") for n in range(50)))
    assert [int(result.stdout) for result in done] == list(range(50))


async def test_every_byte_arrives_as_it_was_sent(either, make, reach):
    client = await reach(either, await make(either))
    sent = bytes(range(256)) * 512 + os.urandom(800_000)
    done = await client.exec("sha256sum", stdin=sent)
    assert done.stdout.split()[0].decode() == hashlib.sha256(sent).hexdigest()
    async with client.exec_stream("cat", stdin=sent) as run:
        back = b"".join([piece.data async for piece in run])
    assert back == sent


async def test_a_slow_reader_stops_the_command(either, make, reach):
    client = await reach(either, await make(either))
    writes = "i=0; while :; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > count; done"
    async with client.exec_stream(writes) as run:
        await anext(aiter(run))
        counts = [0, 1]
        while counts[-1] != counts[-2]:
            counts.append(int((await client.exec("sleep 0.5; cat count")).stdout or 0))
        assert 0 < counts[-1] * 65536 < 4 << 20


async def test_ending_to_write_is_not_ending_to_read(either, make):
    sock = await either.connect(await make(either))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(10):
            assert b"hello" in await loop.sock_recv(sock, 65536)
            sock.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(sock, 65536):
                pass
    finally:
        sock.close()


async def test_closing_the_socket_ends_the_way_in_the_box(either, make, reach):
    ref = await make(either)
    client = await reach(either, ref)
    for _ in range(5):
        (await either.connect(ref)).close()
    count = "grep -lsz ^relay$ /proc/[0-9]*/cmdline | wc -l"
    async with asyncio.timeout(20):
        while int((await client.exec(f"sleep 0.1; {count}")).stdout) > 1:
            pass


async def test_root_installs_what_vibn_cannot(either, make, reach):
    ref = await make(either)
    root = await reach(either, ref, "root")
    assert (await root.exec("id -u; echo $HOME")).stdout == b"0\n/root\n"
    assert (await root.exec("touch /usr/local/made && chown 1000 /usr/local/made")).exit == 0
    refused = await (await reach(either, ref)).exec("touch /usr/local/refused")
    assert refused.exit != 0


@pytest.mark.internet
async def test_packages_install_as_root_and_from_an_index(either, make, reach):
    ref = await make(either)
    root = await reach(either, ref, "root")
    install = "apt-get update -qq && apt-get install -qqy --no-install-recommends hello && hello"
    assert b"Hello, world!" in (await root.exec(install, timeout=300)).stdout
    client = await reach(either, ref)
    done = await client.exec("cd /tmp && pip download --no-deps six", timeout=300)
    assert done.exit == 0, done.stderr.decode()


async def test_the_relay_is_found_where_the_socket_is_not_ours(
    runtime, make, reach, settings, installation, tmp_path
):
    ref = await make(runtime)
    other_place = settings.model_copy(update={"state_dir": tmp_path / "elsewhere"})
    elsewhere = DockerRuntime(other_place, installation)
    client = await reach(elsewhere, ref)
    assert (await client.exec("echo here")).stdout == b"here\n"
    await client.close()
    await elsewhere.close()


async def test_an_asleep_box_does_not_answer(runtime, make):
    ref = await make(runtime)
    await runtime.freeze(ref)
    with pytest.raises(AgentLost, match="frozen"):
        await runtime.connect(ref)
    await runtime.stop(ref)
    with pytest.raises(AgentLost, match="stopped"):
        await runtime.connect(ref, "root")


async def test_this_hosts_files_are_shared_only_with_an_engine_that_sees_them(
    runtime, remote, image
):
    assert await runtime._locality.shared(image)
    assert not await remote._locality.shared(image)
