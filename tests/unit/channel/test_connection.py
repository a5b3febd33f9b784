"""One connection: greeting, requests at once, cancellation, silence, the end."""

from __future__ import annotations

import asyncio

import pytest

from vibn import __version__
from vibn.agent.frames import MAX_BODY, MAX_HEADER
from vibn.channel import AgentClient, Deadlines
from vibn.channel.connection import MAX_ABANDONED, MAX_CALLS
from vibn.errors import (
    AgentLost,
    DeadlineExceeded,
    FileMissing,
    InvalidInput,
    LimitReached,
    ProtocolViolation,
    TooLarge,
    VibnError,
)

QUICK = Deadlines(handshake=0.2, silence=0.3, answer=0.3, cancel=0.2, room=0.2)


async def test_both_sides_greet_and_the_agent_is_known(peers):
    ours, peer = peers.pair()
    await peer.greet(version="0.9.0", mode="root")
    client = await AgentClient.connect(ours)
    assert (client.hello.version, client.hello.mode, client.closed) == ("0.9.0", "root", False)
    assert await peer.take() == ({"t": "hello", "protocol": 1, "version": __version__}, b"")
    await client.close()
    assert await peer.gone()
    peer.sock.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocol": 2},
        {"protocol": True},
        {"t": "end"},
        {"pid": 0},
        {"pid": "7"},
        {"mode": "admin"},
        {"version": "x" * 101},
        {"boot": None},
        {"build": ["a"]},
    ],
)
async def test_a_wrong_greeting_is_refused_and_the_socket_closed(peers, wrong):
    ours, peer = peers.pair()
    await peer.greet(**wrong)
    with pytest.raises(ProtocolViolation):
        await AgentClient.connect(ours)
    assert await peer.gone()
    peer.sock.close()


async def test_another_protocol_is_told_with_what_to_do(peers):
    ours, peer = peers.pair()
    await peer.greet(protocol=9)
    with pytest.raises(ProtocolViolation, match=r"protocol 9.*Suspend and resume"):
        await AgentClient.connect(ours)
    peer.sock.close()


async def test_an_agent_that_does_not_greet_is_lost(peers):
    ours, peer = peers.pair()
    with pytest.raises(AgentLost, match="did not greet"):
        await AgentClient.connect(ours, QUICK)
    assert await peer.gone()
    peer.sock.close()


async def test_an_agent_that_leaves_before_it_greets_is_lost(peers):
    ours, peer = peers.pair()
    peer.sock.close()
    with pytest.raises(AgentLost):
        await AgentClient.connect(ours)
    assert ours.fileno() == -1


async def test_connecting_that_is_cancelled_closes_the_socket(peers):
    ours, peer = peers.pair()
    task = asyncio.create_task(AgentClient.connect(ours))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await peer.gone()
    peer.sock.close()


async def test_requests_at_once_get_their_own_answers_in_any_order(peers):
    async with peers.talking() as (client, peer):
        calls = [asyncio.create_task(client.exec(f"c{n}")) for n in range(20)]
        asked = [(await peer.take("req"))[0] for _ in calls]
        for header in reversed(asked):
            name = header["a"]["cmd"].encode()
            result = {**peer.EXEC, "out": len(name), "out_total": len(name)}
            await peer.send({"t": "end", "id": header["id"], "r": result}, name)
        assert [(await call).stdout for call in calls] == [b"c%d" % n for n in range(20)]


async def test_a_request_names_only_what_was_given(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("ls", cwd="/tmp", timeout=2, stdin=b"in"))
        header, body = await peer.take("req")
        assert header["a"] == {"cmd": "ls", "cwd": "/tmp", "timeout": 2}
        assert body == b"in"
        await peer.send({"t": "end", "id": header["id"], "r": peer.EXEC})
        assert (await call).exit == 0


async def test_what_the_agent_refuses_is_an_error_of_the_tree(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.fs_stat("x"))
        id = (await peer.take("req"))[0]["id"]
        error = {"t": "error", "id": id, "code": "file_missing", "message": "no x", "hint": "h"}
        await peer.send({**error, "detail": {"path": "x"}})
        with pytest.raises(FileMissing, match="no x h") as caught:
            await call
        assert caught.value.detail == {"path": "x"}
        assert not client.closed


async def test_an_end_of_the_stream_loses_every_request_in_flight(peers):
    async with peers.talking() as (client, peer):
        calls = [asyncio.create_task(client.exec("sleep 9")) for _ in range(5)]
        for _ in calls:
            await peer.take("req")
        peer.sock.close()
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in errors] == [AgentLost] * 5
        assert all(error.retryable for error in errors if isinstance(error, VibnError))
        with pytest.raises(AgentLost):
            await client.exec("true")


@pytest.mark.parametrize("reason", ["replaced", "shutdown"])
async def test_a_goodbye_loses_what_is_in_flight_and_says_why(peers, reason):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("true"))
        await peer.take("req")
        await peer.send({"t": "bye", "reason": reason})
        with pytest.raises(AgentLost, match=r"replaced|shut down"):
            await call
        assert client.closed


async def test_closing_loses_what_is_in_flight(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("true"))
        await peer.take("req")
        await client.close()
        with pytest.raises(AgentLost, match="closed"):
            await call
        assert await peer.gone()


async def test_a_cancelled_task_waits_for_the_end_of_its_command(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("sleep 9"))
        id = (await peer.take("req"))[0]["id"]
        call.cancel()
        assert (await peer.take())[0] == {"t": "cancel", "id": id}
        await asyncio.sleep(0.05)
        assert not call.done()
        await peer.send({"t": "end", "id": id, "r": {**peer.EXEC, "cancelled": True}})
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.in_flight == 0


async def test_an_answer_of_cancelled_ends_a_cancelled_call(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.fs_glob("**"))
        id = (await peer.take("req"))[0]["id"]
        call.cancel()
        await peer.take("cancel")
        await peer.send({"t": "error", "id": id, "code": "cancelled", "message": "cancelled"})
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not client.closed


async def test_a_cancel_that_is_not_answered_is_waited_for_a_bounded_time(peers):
    async with peers.talking(QUICK) as (client, peer):
        call = asyncio.create_task(client.exec("sleep 9"))
        id = (await peer.take("req"))[0]["id"]
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.in_flight == 1
        await peer.send({"t": "end", "id": id, "r": {}})
        other = asyncio.create_task(client.exec("true"))
        await peer.answer()
        assert (await other).exit == 0
        assert client.in_flight == 0


async def test_an_agent_that_never_ends_what_was_cancelled_is_lost(peers):
    deadlines = Deadlines(cancel=0.01)
    async with peers.talking(deadlines) as (client, peer):
        for _ in range(MAX_ABANDONED + 1):
            call = asyncio.create_task(client.exec("sleep 9"))
            await peer.take("req")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert client.closed


async def test_a_second_cancel_does_not_wait(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("sleep 9"))
        await peer.take("req")
        call.cancel()
        await peer.take("cancel")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_silent_agent_is_pinged_and_then_lost(peers):
    async with peers.talking(QUICK) as (client, peer):
        call = asyncio.create_task(client.exec("sleep 9"))
        assert (await peer.take("ping"))[0]["n"] >= 0
        with pytest.raises(AgentLost, match="silent"):
            await call


async def test_an_agent_that_answers_pings_is_waited_for(peers):
    async with peers.talking(QUICK) as (client, peer):
        call = asyncio.create_task(client.exec("sleep 9"))
        id = (await peer.take("req"))[0]["id"]
        for _ in range(4):
            n = (await peer.take("ping"))[0]["n"]
            await peer.send({"t": "pong", "n": n})
        await peer.send({"t": "end", "id": id, "r": peer.EXEC})
        assert (await call).exit == 0


async def test_a_quiet_agent_that_nobody_asks_is_not_pinged(peers):
    async with peers.talking(QUICK) as (client, peer):
        await asyncio.sleep(0.6)
        call = asyncio.create_task(client.exec("true"))
        assert (await peer.take())[0]["t"] == "req"
        await peer.send({"t": "end", "id": 1, "r": peer.EXEC})
        assert (await call).exit == 0


async def test_a_ping_is_answered(peers):
    async with peers.talking() as (_, peer):
        await peer.send({"t": "ping", "n": 41})
        assert await peer.take() == ({"t": "pong", "n": 41}, b"")


async def test_an_answer_that_is_late_ends_the_call_but_not_the_connection(peers):
    deadlines = Deadlines(answer=0.1, silence=1.0)
    async with peers.talking(deadlines) as (client, peer):
        call = asyncio.create_task(client.fs_stat("x"))
        id = (await peer.take("req"))[0]["id"]
        with pytest.raises(DeadlineExceeded):
            await call
        assert (await peer.take("cancel"))[0]["id"] == id
        await peer.send({"t": "error", "id": id, "code": "cancelled", "message": "cancelled"})
        other = asyncio.create_task(client.exec("true"))
        await peer.answer()
        assert (await other).exit == 0


async def test_one_request_too_many_waits_for_a_place(peers):
    async with peers.talking() as (client, peer):
        calls = [asyncio.create_task(client.exec("true")) for _ in range(MAX_CALLS + 3)]
        ids = [(await peer.take("req"))[0]["id"] for _ in range(MAX_CALLS)]
        assert client.in_flight == MAX_CALLS
        await peer.send({"t": "end", "id": ids[0], "r": peer.EXEC})
        assert (await peer.take("req"))[0]["id"] == MAX_CALLS + 1
        for id in [*ids[1:], MAX_CALLS + 1]:
            await peer.send({"t": "end", "id": id, "r": peer.EXEC})
        await peer.answer()
        await peer.answer()
        assert {result.exit for result in await asyncio.gather(*calls)} == {0}


async def test_a_request_that_finds_no_place_in_time_says_so(peers):
    async with peers.talking(Deadlines(room=0.1)) as (client, _):
        calls = [asyncio.create_task(client.exec("true")) for _ in range(MAX_CALLS)]
        await asyncio.sleep(0)
        with pytest.raises(LimitReached, match="in flight"):
            await client.exec("true")
        await client.close()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_an_agent_that_does_not_read_is_lost_and_holds_back_senders(peers):
    async with peers.talking(Deadlines(room=0.3)) as (client, _):
        body = bytes(MAX_BODY)
        calls = [asyncio.create_task(client.fs_write("x", body)) for _ in range(100)]
        await asyncio.sleep(0.05)
        assert client.in_flight < 5
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in errors} == {AgentLost}


async def test_what_does_not_fit_a_frame_is_refused_before_it_is_sent(peers):
    async with peers.talking() as (client, peer):
        with pytest.raises(TooLarge):
            await client.exec("x" * MAX_HEADER)
        with pytest.raises(InvalidInput):
            await client.exec("true", timeout=float("nan"))
        call = asyncio.create_task(client.exec("true"))
        await peer.answer()
        assert (await call).exit == 0
