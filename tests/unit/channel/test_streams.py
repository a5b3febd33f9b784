"""Streams: credit in both directions, order, the end, leaving early."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

import pytest

from vibn.agent.frames import WINDOW
from vibn.channel.call import PIECE
from vibn.errors import AgentLost, DiskFull, Unavailable
from vibn.outcomes import ChangeKind, Output, Terminal


async def _opened(peer):
    return (await peer.take("req"))[0]["id"]


async def _send(peer, id, stream, data):
    await peer.send({"t": "data", "id": id, "s": stream}, data)


async def test_pieces_come_in_order_with_their_stream_and_then_the_result(peers):
    async with peers.talking() as (client, peer), client.exec_stream("make") as run:
        id = await _opened(peer)
        await _send(peer, id, "out", b"one")
        await _send(peer, id, "err", b"two")
        await peer.send({"t": "end", "id": id, "r": {**peer.EXEC, "exit": 3, "out_total": 3}})
        pieces = [piece async for piece in run]
        assert pieces == [Output("out", b"one"), Output("err", b"two")]
        assert ((await run.result()).exit, run.done) == (3, True)


async def test_a_terminal_is_asked_for_resized_and_signalled(peers):
    shell = {"argv": ["bash"], "terminal": Terminal(10, 20), "stdin": None}
    async with peers.talking() as (client, peer), client.exec_stream(**shell) as run:
        header, _ = await peer.take("req")
        assert header["a"]["pty"] == {"rows": 10, "cols": 20, "term": "xterm-256color"}
        run.resize(30, 40)
        run.signal("INT")
        controls = [(await peer.take("ctl"))[0] for _ in range(2)]
        assert controls[0] == {"t": "ctl", "id": 1, "do": "resize", "rows": 30, "cols": 40}
        assert controls[1] == {"t": "ctl", "id": 1, "do": "signal", "signal": "INT"}
        await peer.send({"t": "end", "id": 1, "r": peer.EXEC})
        await run.result()


async def test_a_consumer_that_does_not_read_gives_no_credit(peers):
    async with peers.talking() as (client, peer), client.exec_stream("yes") as run:
        id = await _opened(peer)
        for _ in range(WINDOW // PIECE):
            await _send(peer, id, "out", bytes(PIECE))
        await peer.send({"t": "ping", "n": 1})
        assert (await peer.take())[0]["t"] == "pong"
        await anext(run)
        await anext(run)
        credit = {"t": "credit", "id": id, "s": "out", "n": 2 * PIECE}
        assert (await peer.take())[0] == credit
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})


async def test_a_reader_that_keeps_up_gives_credit_for_all_it_took(peers):
    async with peers.talking() as (client, peer), client.exec_stream("yes") as run:
        id = await _opened(peer)

        async def feed():
            left = WINDOW
            for _ in range(64):
                while left < PIECE:
                    left += (await peer.take("credit"))[0]["n"]
                await _send(peer, id, "out", bytes(PIECE))
                left -= PIECE
            await peer.send({"t": "end", "id": id, "r": peer.EXEC})

        feeding = asyncio.create_task(feed())
        assert sum([len(piece.data) async for piece in run]) == 64 * PIECE
        await feeding


async def test_many_tiny_pieces_take_memory_by_their_bytes(peers):
    async with peers.talking() as (client, peer), client.exec_stream("x") as run:
        id = await _opened(peer)
        tracemalloc.start()
        for n in range(20_000):
            await _send(peer, id, ("out", "err")[n % 2], b"%d," % (n // 2))
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})
        await peer.send({"t": "ping", "n": 1})
        await peer.take("pong")
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        got = {"out": b"", "err": b""}
        async for piece in run:
            got[piece.stream] += piece.data
        assert got["out"] == got["err"] == b"".join(b"%d," % n for n in range(10_000))
        assert held < 4 * WINDOW


async def test_result_drops_what_nobody_reads_and_lets_the_command_go_on(peers):
    async with peers.talking() as (client, peer), client.exec_stream("yes") as run:
        id = await _opened(peer)
        ending = asyncio.create_task(run.result())
        for _ in range(8):
            await _send(peer, id, "out", bytes(WINDOW // 2))
            await peer.take("credit")
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})
        assert (await ending).exit == 0


async def test_a_writer_stops_without_credit_and_goes_on_with_it(peers):
    async with peers.talking() as (client, peer), client.exec_stream("cat", stdin=None) as run:
        id = await _opened(peer)
        writing = asyncio.create_task(run.write(bytes(WINDOW + 10)))
        got = 0
        while got < WINDOW:
            got += len((await peer.take("data"))[1])
        await asyncio.sleep(0.05)
        assert (got, writing.done()) == (WINDOW, False)
        await peer.send({"t": "credit", "id": id, "s": "in", "n": 10})
        assert len((await peer.take("data"))[1]) == 10
        assert await writing
        run.close_stdin()
        run.close_stdin()
        assert (await peer.take())[0] == {"t": "eof", "id": id, "s": "in"}
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})


async def test_writing_to_a_command_that_ended_says_so(peers):
    async with peers.talking() as (client, peer), client.exec_stream("cat", stdin=None) as run:
        id = await _opened(peer)
        writing = asyncio.create_task(run.write(bytes(WINDOW + 10)))
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})
        assert not await writing
        assert not await run.write(b"more")
        assert (await run.result()).exit == 0


async def test_leaving_early_cancels_and_waits_for_the_end(peers):
    async with peers.talking() as (client, peer):

        async def leave():
            async with client.exec_stream("yes") as run:
                await anext(run)

        leaving = asyncio.create_task(leave())
        id = await _opened(peer)
        await _send(peer, id, "out", b"y\n")
        assert (await peer.take())[0] == {"t": "cancel", "id": id}
        await _send(peer, id, "out", b"late")
        assert not leaving.done()
        await peer.send({"t": "end", "id": id, "r": {**peer.EXEC, "cancelled": True}})
        await leaving
        assert client.in_flight == 0


async def test_a_loss_is_told_after_the_pieces_that_came_before(peers):
    async with peers.talking() as (client, peer), client.exec_stream("make") as run:
        id = await _opened(peer)
        await _send(peer, id, "out", b"half")
        peer.sock.close()
        assert (await anext(run)).data == b"half"
        with pytest.raises(AgentLost):
            await anext(run)
        with pytest.raises(AgentLost):
            await run.result()


async def test_a_long_stdin_of_a_plain_command_is_streamed(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("wc -c", stdin=bytes(2_000_000)))
        header, body = await peer.take("req")
        assert (header["a"]["stdin"], body) == (True, b"")
        got = 0
        while (frame := await peer.take())[0]["t"] == "data":
            got += len(frame[1])
            await peer.send({"t": "credit", "id": 1, "s": "in", "n": len(frame[1])})
        assert (got, frame[0]["t"]) == (2_000_000, "eof")
        await peer.send({"t": "end", "id": 1, "r": peer.EXEC})
        assert (await call).exit == 0


async def test_an_upload_that_is_refused_ends_before_its_source(peers):
    async def endless():
        while True:
            yield bytes(PIECE)

    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.fs_write("x", endless()))
        id = await _opened(peer)
        await peer.send({"t": "error", "id": id, "code": "disk_full", "message": "full"})
        with pytest.raises(DiskFull):
            await call


async def test_an_upload_whose_source_fails_is_cancelled(peers):
    async def broken():
        yield b"half"
        raise KeyError("source")

    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.fs_unpack(broken()))
        id = await _opened(peer)
        assert (await peer.take("cancel"))[0]["id"] == id
        await peer.send({"t": "error", "id": id, "code": "cancelled", "message": "cancelled"})
        with pytest.raises(KeyError):
            await call


async def test_a_tunnel_carries_bytes_both_ways_and_closes_by_halves(peers):
    async with peers.talking() as (client, peer), client.forward(8080) as tunnel:
        header, _ = await peer.take("req")
        assert header["a"] == {"port": 8080, "host": "127.0.0.1"}
        assert await tunnel.write(b"GET")
        tunnel.close_write()
        assert (await peer.take("data"))[1] == b"GET"
        await peer.take("eof")
        await _send(peer, 1, "out", b"200")
        await peer.send({"t": "eof", "id": 1, "s": "out"})
        assert [await tunnel.read(), await tunnel.read()] == [b"200", b""]
        await peer.send({"t": "end", "id": 1, "r": {"sent": 3, "received": 3}})
        assert (await tunnel.result()).sent == 3


async def test_a_tunnel_to_nowhere_says_so(peers):
    async with peers.talking() as (client, peer), client.forward(9) as tunnel:
        id = await _opened(peer)
        await peer.send({"t": "error", "id": id, "code": "unavailable", "message": "nobody"})
        with pytest.raises(Unavailable, match="nobody"):
            await tunnel.read()
        with pytest.raises(Unavailable):
            await tunnel.write(b"x")


async def test_changes_come_in_batches_also_when_many_were_joined(peers):
    async with peers.talking() as (client, peer), client.fs_watch("src") as watch:
        id = await _opened(peer)
        for n in range(500):
            event = json.dumps([{"path": f"f{n}", "kind": "changed"}]).encode()
            await _send(peer, id, "ev", event)
        await _send(peer, id, "ev", b'[{"kind":"overflow"}]')
        seen = []
        while len(seen) < 501:
            seen += await anext(watch)
        assert [change.path for change in seen[:500]] == [f"f{n}" for n in range(500)]
        assert seen[500].kind is ChangeKind.OVERFLOW
        await peer.send({"t": "end", "id": id, "r": {}})
