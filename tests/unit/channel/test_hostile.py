"""A hostile box: whatever it sends ends its connection at most, with bounded memory."""

from __future__ import annotations

import asyncio
import struct
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibn.agent.frames import MAX_BODY, WINDOW, encode
from vibn.channel import AgentClient, Deadlines
from vibn.errors import AgentLost, DeadlineExceeded, InvalidInput, ProtocolViolation, VibnError

QUICK = Deadlines(handshake=1, silence=2, answer=1, cancel=0.05, room=0.5)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
_kinds = st.sampled_from(
    [
        "hello",
        "req",
        "data",
        "eof",
        "credit",
        "ctl",
        "cancel",
        "end",
        "error",
        "ping",
        "pong",
        "bye",
    ]
)
_ids = st.sampled_from([1, 2, 3, 0, -1, 10**18, True, None, "1", 1.0, [], {}])
_headers = st.fixed_dictionaries(
    {},
    optional={
        "t": _kinds | _json,
        "id": _ids | _json,
        "s": st.sampled_from(["in", "out", "err", "ev", "", "x"]) | _json,
        "n": st.integers(-2, 1 << 70) | _json,
        "r": st.just({}) | _json,
        "code": st.sampled_from(["invalid_input", "cancelled", "internal", "box_absent"]) | _json,
        "message": st.text(max_size=8) | _json,
        "hint": st.text(max_size=8) | _json,
        "detail": _json,
        "reason": st.sampled_from(["protocol", "shutdown", "replaced"]) | _json,
    },
)


async def _outcome(call):
    async with asyncio.timeout(20):
        try:
            return await call
        except VibnError as error:
            return error


async def _streamed(client):
    async with client.exec_stream("yes", stdin=None) as run:
        await run.write(b"hello")
        return [piece async for piece in run]


async def _assault(peers, pieces):
    """Three kinds of requests against a peer that answers them with ``pieces``."""
    async with peers.talking(QUICK) as (client, peer):
        calls = [asyncio.create_task(_outcome(client.exec("true")))]
        calls += [asyncio.create_task(_outcome(_streamed(client)))]
        calls += [asyncio.create_task(_outcome(client.fs_stat("x")))]
        for _ in calls:
            await peer.take("req")
        try:
            for piece in pieces:
                await peer.raw(piece)
        except ConnectionError:
            assert client.closed or not pieces
        peer.sock.close()
        return await asyncio.gather(*calls)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames=st.lists(st.tuples(_headers, st.binary(max_size=30)), max_size=8))
def test_any_frames_end_in_values_or_errors_of_the_tree(peers, frames):
    asyncio.run(_assault(peers, pieces=[_lenient(*frame) for frame in frames]))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces=st.lists(st.binary(min_size=1, max_size=100), max_size=6))
def test_any_bytes_end_in_errors_of_the_tree(peers, pieces):
    found = asyncio.run(_assault(peers, pieces=pieces))
    assert all(isinstance(error, AgentLost | ProtocolViolation) for error in found)


def _lenient(header, body):
    """A frame of a peer that does not care for numbers that JSON lacks."""
    try:
        return encode(header, body)
    except ValueError:
        return encode({"t": "ping", "n": -1}, body)


async def _violates(peers, *frames, raw=b""):
    """The peer sends this to a client with a plain request (1) and a streamed one (2)."""
    async with peers.talking(QUICK) as (client, peer):
        plain = asyncio.create_task(_outcome(client.exec("true")))
        await peer.take("req")
        streamed = asyncio.create_task(_outcome(_streamed(client)))
        await peer.take("req")
        with suppress(ConnectionError):
            await peer.raw(raw + b"".join(encode(*frame) for frame in frames))
        errors = [await plain, await streamed]
        assert client.closed
        assert await peer.gone()
        return errors


def _data(id, stream, size):
    return {"t": "data", "id": id, "s": stream}, bytes(size)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([({}, b"")], id="a frame without a kind"),
        pytest.param([({"t": ["end"], "id": 1}, b"")], id="a kind that is a list"),
        pytest.param([({"t": "end", "id": 9, "r": {}}, b"")], id="an id that never was"),
        pytest.param([({"t": "end", "id": True, "r": {}}, b"")], id="an id that is a bool"),
        pytest.param([({"t": "end", "id": [1], "r": {}}, b"")], id="an id that is a list"),
        pytest.param([({"t": "end", "id": 1}, b"")], id="an end without a result"),
        pytest.param([({"t": "end", "id": 1, "r": []}, b"")], id="a result that is a list"),
        pytest.param([_data(1, "out", 1)], id="data of a plain request"),
        pytest.param([_data(2, "ev", 1)], id="data of another stream"),
        pytest.param([_data(2, "in", 1)], id="data of our own stream"),
        pytest.param([_data(2, "out", 0)], id="data without a byte"),
        pytest.param([_data(2, "out", WINDOW + 1)], id="more data than credit"),
        pytest.param([_data(2, "out", MAX_BODY)], id="a frame far above the credit"),
        pytest.param([({"t": "data", "id": 2, "s": {}}, b"x")], id="a stream that is an object"),
        pytest.param([({"t": "eof", "id": 1, "s": "out"}, b"")], id="an eof of a plain request"),
        pytest.param([({"t": "eof", "id": 2, "s": "out"}, b"")] * 2, id="two eofs"),
        pytest.param(
            [({"t": "eof", "id": 2, "s": "out"}, b""), _data(2, "out", 1)], id="after eof"
        ),
        pytest.param(
            [({"t": "credit", "id": 1, "s": "in", "n": 1}, b"")], id="credit of a plain one"
        ),
        pytest.param([({"t": "credit", "id": 2, "s": "out", "n": 1}, b"")], id="credit of its own"),
        pytest.param([({"t": "credit", "id": 2, "s": "in", "n": 0}, b"")], id="no credit"),
        pytest.param([({"t": "credit", "id": 2, "s": "in", "n": -5}, b"")], id="negative credit"),
        pytest.param(
            [({"t": "credit", "id": 2, "s": "in", "n": 1 << 41}, b"")], id="endless credit"
        ),
        pytest.param([({"t": "credit", "id": 99, "s": "in", "n": 1}, b"")], id="credit for nobody"),
        pytest.param([({"t": "error", "id": 1}, b"")], id="an error without a code"),
        pytest.param([({"t": "error", "id": 1, "code": "nope", "message": ""}, b"")], id="no code"),
        pytest.param(
            [({"t": "error", "id": 1, "code": "project_not_found", "message": ""}, b"")],
            id="a code that is not an agent's",
        ),
        pytest.param(
            [({"t": "error", "id": 1, "code": "cancelled", "message": ""}, b"")],
            id="a cancel that nobody asked for",
        ),
        pytest.param(
            [({"t": "error", "id": 1, "code": "denied", "message": {}}, b"")], id="no message"
        ),
        pytest.param(
            [({"t": "error", "id": 1, "code": "denied", "message": "", "detail": []}, b"")],
            id="a detail that is a list",
        ),
        pytest.param([({"t": "hello", "protocol": 1}, b"")], id="a second greeting"),
        pytest.param([({"t": "req", "id": 1, "op": "exec", "a": {}}, b"")], id="a request"),
        pytest.param([({"t": "cancel", "id": 1}, b"")], id="a cancel of ours"),
        pytest.param([({"t": "ping"}, b"")], id="a ping without a number"),
        pytest.param([({"t": "ping", "n": 1 << 62}, b"")], id="a ping with a giant number"),
        pytest.param([({"t": "bye", "reason": "protocol"}, b"")], id="a blame"),
        pytest.param([({"t": "bye", "reason": ["x"]}, b"")], id="a goodbye without a reason"),
        pytest.param([({"t": "ping", "n": 1}, b"")] * 1000, id="endless pings"),
        pytest.param([({"t": "pong", "n": 1}, b"")] * 1000, id="endless pongs"),
        pytest.param([({"t": "ping", "n": 1}, bytes(2000))] * 300, id="endless fat pings"),
    ],
)
async def test_what_is_not_the_protocol_ends_every_request(peers, frames):
    errors = await _violates(peers, *frames)
    assert [type(error) for error in errors] == [ProtocolViolation] * 2


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">II", 2**32 - 1, 2**32 - 1),
        struct.pack(">II", 2, MAX_BODY + 1) + b"{}",
        struct.pack(">II", 5, 0) + b"[1,2]",
        struct.pack(">II", 200_000, 0) + b"[" * 200_000,
        struct.pack(">II", 2, 0) + b"\xff\xff",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_what_is_no_frame_ends_every_request(peers, raw):
    errors = await _violates(peers, raw=raw)
    assert [type(error) for error in errors] == [ProtocolViolation] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"exit": "0"},
        {"exit": -1},
        {"exit": 1 << 70},
        {"signal": "kill me"},
        {"timed_out": 1},
        {"killed": {}},
        {"killed": [1]},
        {"killed": [{"pid": 1, "name": "x"}] * 21},
        {"left": [{"pid": -1, "name": "x"}]},
        {"out": 5},
        {"out": -1, "err": 1},
        {"out_head": 1},
        {"err_total": None},
        {"ms": "fast"},
        {"ms": 1e300},
        {"log": 7},
    ],
)
async def test_a_result_of_the_wrong_shape_ends_the_connection(peers, wrong):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("true"))
        await peer.answer(**wrong)
        with pytest.raises(ProtocolViolation):
            await call
        with pytest.raises(ProtocolViolation):
            await client.exec("true")


async def test_more_output_than_asked_for_ends_the_connection(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("true", cap=10))
        await peer.take("req")
        result = {**peer.EXEC, "out": 11, "out_total": 11}
        await peer.send({"t": "end", "id": 1, "r": result}, bytes(11))
        with pytest.raises(ProtocolViolation):
            await call
        assert client.closed


async def test_a_huge_error_is_cut(peers):
    async with peers.talking() as (client, peer):
        call = asyncio.create_task(client.exec("true"))
        await peer.take("req")
        detail = {"big": "x" * 100_000, "many": list(range(1000)), "deep": [[[[[[1]]]]]]}
        error = {"t": "error", "id": 1, "code": "invalid_input", "message": "m" * 100_000}
        await peer.send({**error, "hint": "h" * 10_000, "detail": detail})
        with pytest.raises(InvalidInput) as caught:
            await call
        assert (len(caught.value.message), len(caught.value.hint)) == (2001, 501)
        assert len(repr(caught.value.detail)) < 3000


async def test_an_endless_frame_without_end_holds_no_more_than_a_frame(peers):
    async with peers.talking(QUICK) as (client, peer):
        call = asyncio.create_task(_outcome(client.exec("true")))
        await peer.take("req")
        tracemalloc.start()
        await peer.raw(struct.pack(">II", 1000, MAX_BODY) + bytes(MAX_BODY))
        assert isinstance(await call, AgentLost | VibnError)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6 * MAX_BODY


async def test_a_flood_of_data_nobody_reads_holds_no_more_than_the_credit(peers):
    async with peers.talking(QUICK) as (client, peer), client.exec_stream("yes") as run:
        await peer.take("req")
        tracemalloc.start()
        with suppress(ConnectionError):
            while True:
                await peer.raw(encode(*_data(1, "out", 1)) * 1000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 * WINDOW
        with pytest.raises(ProtocolViolation):
            await run.result()


async def test_a_greeting_that_never_ends_is_given_up(peers):
    ours, peer = peers.pair()
    await peer.raw(struct.pack(">II", 100_000, 0) + b"{" + b" " * 50_000)
    with pytest.raises(AgentLost, match="did not greet"):
        await AgentClient.connect(ours, Deadlines(handshake=0.1))
    peer.sock.close()


IMPATIENT = Deadlines(silence=0.2, answer=0.2, cancel=0.05)


async def _stingy(peer, crumbs=0):
    """Answers pings, reads everything, never ends a request; ``crumbs``: credit for each ping."""
    with suppress(EOFError, ConnectionError):
        while True:
            header, _ = await peer.take("ping")
            await peer.send({"t": "pong", "n": header["n"]})
            if crumbs:
                await peer.send({"t": "credit", "id": 1, "s": "in", "n": crumbs})


async def _pieces(number):
    for _ in range(number):
        yield bytes(MAX_BODY)


@pytest.mark.parametrize("crumbs", [0, 1])
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.fs_write("a", bytes(3 * MAX_BODY)),
        lambda client: client.fs_write("a", _pieces(3)),
        lambda client: client.fs_unpack(_pieces(3)),
        lambda client: client.exec("cat", stdin=bytes(3 * MAX_BODY), timeout=0.2),
    ],
)
async def test_who_pings_but_takes_nothing_does_not_hold_a_call(peers, call, crumbs):
    async with peers.talking(IMPATIENT) as (client, peer):
        stingy = asyncio.create_task(_stingy(peer, crumbs))
        async with asyncio.timeout(20):
            with pytest.raises(DeadlineExceeded):
                await call(client)
    await stingy


async def test_an_upload_waits_for_its_own_source_as_long_as_that_takes(peers):
    async def slow():
        yield b"a"
        await asyncio.sleep(1)
        yield b"b"

    async with peers.talking(IMPATIENT) as (client, peer):
        stingy = asyncio.create_task(_outcome(client.fs_unpack(slow())))
        await peer.take("data")
        while (await peer.take())[0]["t"] == "ping":
            await peer.send({"t": "pong", "n": 1})
        await peer.send({"t": "end", "id": 1, "r": {"files": 1, "dirs": 0, "links": 0, "bytes": 2}})
        assert not isinstance(await stingy, VibnError)
