"""Commands and files as streams, on a real agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.services.conftest import Gatehouse

from vibn.errors import FileMissing, InvalidInput
from vibn.outcomes import Terminal
from vibn.services.calls import Call, Purpose
from vibn.services.download import PIECE

SHOP = ("acme", "shop")


@pytest.fixture
async def call(gate: Gatehouse) -> AsyncIterator[Call]:
    async with gate.calls.open(await gate.caller(), Purpose("test"), "shop") as call:
        yield call


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


async def test_output_comes_apart_and_while_the_command_runs(call: Call):
    async with call.shell.stream(*SHOP, "echo out; echo err >&2; read line; echo $line") as run:
        seen = {"out": b"", "err": b""}
        async for piece in run:
            seen[piece.stream] += piece.data
            if seen == {"out": b"out\n", "err": b"err\n"}:
                await run.write(b"more\n")
                run.close_stdin()
        result = await run.result()
    assert seen == {"out": b"out\nmore\n", "err": b"err\n"}
    assert (result.exit, result.stdout) == (0, "")


async def test_leaving_a_stream_kills_its_command(call: Call):
    async with call.shell.stream(*SHOP, "sleep 777 & echo up; wait") as run:
        async for _ in run:
            break
    assert (await call.shell.exec(*SHOP, "pgrep -f 'sleep 77[7]'")).stdout == ""


async def test_a_terminal_has_a_size_that_changes(call: Call):
    command = "stty size; read line; stty size"
    async with call.shell.stream(*SHOP, command, terminal=Terminal(30, 100)) as run:
        seen, resized = b"", False
        async for piece in run:
            seen += piece.data
            if b"30 100" in seen and not resized:
                resized = True
                run.resize(40, 120)
                await run.write(b"\n")
    assert b"40 120" in seen


async def test_progress_tells_the_tail_and_the_result_is_whole(call: Call):
    told: list[str] = []

    async def progress(text: str) -> None:
        told.append(text)

    command = "echo first; sleep 1.3; echo second; exit 3"
    result = await call.shell.exec(*SHOP, command, progress=progress)
    assert (result.exit, result.stdout) == (3, "first\nsecond\n")
    assert told[0] == "first\n"


async def test_a_followed_command_is_cut_like_others(call: Call):
    async def progress(text: str) -> None: ...

    command = "seq 1 100000"
    plain = await call.shell.exec(*SHOP, command, max_bytes=1000)
    told = await call.shell.exec(*SHOP, command, max_bytes=1000, progress=progress)
    assert told.truncated
    assert told.log
    assert told.stdout.replace(told.log, "") == plain.stdout.replace(plain.log or "?", "")


async def test_cancelling_a_followed_command_kills_it(call: Call):
    async def progress(text: str) -> None:
        told.set()

    told = asyncio.Event()
    command = "echo up; sleep 888"
    task = asyncio.create_task(call.shell.exec(*SHOP, command, progress=progress))
    await told.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await call.shell.exec(*SHOP, "pgrep -f 'sleep 88[8]'")).stdout == ""


async def test_a_file_of_any_size_goes_up_and_comes_down(call: Call):
    data = bytes(range(256)) * (PIECE // 100)
    written = await call.files.upload(*SHOP, "big.bin", pieces(data), size=len(data))
    download = await call.files.download(*SHOP, "big.bin")
    assert (written.created, download.size) == (True, len(data))
    assert b"".join([piece async for piece in download.pieces()]) == data
    part = await call.files.download(*SHOP, "big.bin", PIECE - 5)
    assert b"".join([p async for p in part.pieces(10)]) == data[PIECE - 5 : PIECE + 5]


async def test_an_upload_that_breaks_off_leaves_the_old_file(call: Call):
    await call.files.write(*SHOP, "a.txt", "old")

    async def broken() -> AsyncIterator[bytes]:
        yield b"new"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await call.files.upload(*SHOP, "a.txt", broken())
    assert (await call.files.read_bytes(*SHOP, "a.txt")).data == b"old"


async def test_a_missing_file_is_told_before_the_first_piece(call: Call):
    with pytest.raises(FileMissing):
        await call.files.download(*SHOP, "nothing")


async def test_what_is_no_text_is_refused_as_such(call: Call):
    with pytest.raises(InvalidInput, match="surrogate"):
        await call.files.write(*SHOP, "a.txt", "half \ud800")
