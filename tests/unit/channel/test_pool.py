"""The pool: one channel a box, made once for all who ask, made again after a loss."""

from __future__ import annotations

import asyncio
import hashlib
import socket

import pytest

from vibn.channel import Deadlines, Pool, replace_older
from vibn.channel.hello import Hello, Mode
from vibn.errors import AgentLost, BoxAbsent, ProtocolViolation
from vibn.models import BoxRef

BOX, OTHER = BoxRef("b1", "h1"), BoxRef("b2", "h2")


class Boxes:
    """Boxes that answer every request; ``made`` are the peers, oldest first."""

    def __init__(self, peers, **greeting):
        self.peers, self.greeting = peers, greeting
        self.made, self.serving, self.asked = [], [], []
        self.refusal = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def connect(self, ref, user):
        self.asked.append((ref.box_id, user))
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        ours, peer = self.peers.pair()
        self.made.append(peer)
        mode = "root" if user == "root" else "resident"
        await peer.greet(**{"mode": mode, **self.greeting})
        self.serving.append(asyncio.create_task(self._serve(peer)))
        return ours

    async def _serve(self, peer):
        try:
            while True:
                header, _ = await peer.take("req")
                result = {"boot": "b1"} if header["op"] == "takeover" else peer.EXEC
                if header["op"] == "takeover":
                    self.greeting["build"] = "new"
                await peer.send({"t": "end", "id": header["id"], "r": result})
        except (EOFError, ConnectionError, TimeoutError):
            peer.sock.close()

    async def end(self):
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)
        for peer in self.made:
            peer.sock.close()


@pytest.fixture
async def boxes(peers):
    found = Boxes(peers)
    yield found
    await found.end()


@pytest.fixture
async def pool(boxes):
    found = Pool(boxes.connect, idle=100)
    yield found
    await found.close()


async def test_many_callers_share_one_connection(boxes, pool):
    clients = await asyncio.gather(*(pool.get(BOX) for _ in range(50)))
    assert len(set(map(id, clients))) == 1
    assert len(boxes.made) == 1
    assert (await clients[0].exec("true")).exit == 0


async def test_each_box_and_user_has_its_own(boxes, pool):
    clients = [await pool.get(BOX), await pool.get(OTHER), await pool.get(BOX, "root")]
    assert len(set(map(id, clients))) == 3
    assert boxes.asked == [("b1", "vibn"), ("b2", "vibn"), ("b1", "root")]


async def test_a_lost_channel_is_made_again_by_the_next_call(boxes, pool):
    first = await pool.get(BOX)
    boxes.made[0].sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(AgentLost):
        await first.exec("true")
    second = await pool.get(BOX)
    assert second is not first
    assert (await second.exec("true")).exit == 0


async def test_another_handle_of_the_box_is_another_channel(boxes, pool):
    first = await pool.get(BOX)
    second = await pool.get(BoxRef("b1", "recreated"))
    assert first.closed
    assert not second.closed


async def test_attempts_for_two_handles_at_once_leave_one_channel(boxes, pool):
    refs = [BOX, BoxRef("b1", "recreated")]
    clients = await asyncio.gather(*(pool.get(ref) for ref in refs))
    assert sorted(client.closed for client in clients) == [False, True]
    assert len(boxes.made) == 2


async def test_a_refusal_reaches_all_who_wait_and_is_not_kept(boxes, pool):
    boxes.refusal = BoxAbsent("no box")
    found = await asyncio.gather(*(pool.get(BOX) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [BoxAbsent] * 3
    assert len(boxes.asked) == 1
    boxes.refusal = None
    assert not (await pool.get(BOX)).closed


async def test_one_caller_that_gives_up_does_not_stop_the_others(boxes, pool):
    boxes.gate.clear()
    first, second = (asyncio.create_task(pool.get(BOX)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    boxes.gate.set()
    assert not (await second).closed
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_dropping_a_box_loses_its_calls_and_those_who_wait_for_it(boxes, pool):
    client = await pool.get(BOX)
    boxes.gate.clear()
    waiting = asyncio.create_task(pool.get(BOX, "root"))
    await asyncio.sleep(0)
    await pool.drop(BOX)
    assert client.closed
    with pytest.raises(AgentLost, match="stopped"):
        await waiting


async def test_an_idle_channel_is_closed_and_a_busy_one_kept(boxes):
    now = [0.0]
    pool = Pool(boxes.connect, idle=10, clock=lambda: now[0])
    idle, busy = await pool.get(BOX), await pool.get(OTHER)
    boxes.serving[1].cancel()
    call = asyncio.create_task(busy.exec("sleep 99"))
    now[0] = 9.0
    await pool.sweep()
    assert not idle.closed
    now[0] = 10.0
    await pool.sweep()
    assert (idle.closed, busy.closed) == (True, False)
    await pool.close()
    assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], AgentLost)


async def test_the_pool_sweeps_by_itself(boxes):
    pool = Pool(boxes.connect, idle=0.05)
    client = await pool.get(BOX)
    async with asyncio.timeout(10):
        assert await boxes.made[0].gone()
    assert client.closed
    await pool.close()


async def test_a_root_channel_ends_with_its_block(boxes, pool):
    async with pool.root(BOX) as root:
        assert root.hello.mode is Mode.ROOT
        assert (await root.exec("id")).exit == 0
    assert root.closed


async def test_a_resident_agent_in_place_of_root_is_refused(peers):
    boxes = Boxes(peers, mode="resident")
    pool = Pool(boxes.connect)
    with pytest.raises(ProtocolViolation, match="resident"):
        async with pool.root(BOX):
            pass
    await pool.close()
    await boxes.end()


async def test_a_closed_pool_makes_no_channel(boxes, pool):
    client = await pool.get(BOX)
    await pool.close()
    assert client.closed
    with pytest.raises(AgentLost, match="shutting down"):
        await pool.get(BOX)


async def test_closing_ends_those_who_wait(boxes, pool):
    boxes.gate.clear()
    waiting = asyncio.create_task(pool.get(BOX))
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(AgentLost):
        await waiting


async def test_an_older_agent_is_replaced_before_the_first_call(boxes):
    pool = Pool(boxes.connect, renewal=lambda hello: None if hello.build == "new" else b"zip")
    client = await pool.get(BOX)
    assert client.hello.build == "new"
    assert len(boxes.made) == 2
    assert not client.closed
    await pool.close()


async def test_an_agent_that_cannot_be_replaced_goes_on(peers):
    async def connect(ref, user):
        ours, peer = peers.pair()
        await peer.greet()
        tasks.append(asyncio.create_task(refuse(peer)))
        return ours

    async def refuse(peer):
        header, _ = await peer.take("req")
        error = {"t": "error", "id": header["id"], "code": "disk_full", "message": "full"}
        await peer.send(error)
        await peer.answer()
        await peer.gone()

    tasks = []
    pool = Pool(connect, renewal=lambda hello: b"zip")
    assert (await (await pool.get(BOX)).exec("true")).exit == 0
    await pool.close()
    await asyncio.gather(*tasks)


async def test_an_agent_that_dies_of_its_replacement_is_waited_for(boxes):
    tries = []

    async def connect(ref, user):
        tries.append(user)
        if len(tries) == 2:
            raise AgentLost("not up yet")
        return await boxes.connect(ref, user)

    pool = Pool(connect, renewal=lambda hello: b"zip", deadlines=Deadlines(handshake=5))
    assert not (await pool.get(BOX)).closed
    assert len(tries) == 3
    await pool.close()


def _hello(**changes):
    given = {"version": "0.1.0", "build": "old", "python": "3.11", "pid": 1, "boot": "b"}
    return Hello(**{**given, "mode": Mode.RESIDENT, **changes})


def test_only_an_older_resident_agent_of_another_build_is_replaced():
    renewal = replace_older(b"zip", "0.2.0")
    assert renewal(_hello()) == b"zip"
    assert renewal(_hello(version="0.2.0")) == b"zip"
    assert renewal(_hello(version="0.10.0")) is None
    assert renewal(_hello(mode=Mode.ROOT)) is None
    assert renewal(_hello(version="garbage")) == b"zip"


def test_an_agent_of_the_same_build_is_kept():
    build = hashlib.sha256(b"zip").hexdigest()
    assert replace_older(b"zip", "0.2.0")(_hello(build=build)) is None
