"""Streams over a real connection, into a real box: slow clients, some that leave, large files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.integration.rest.conftest import ADMIN, SHOP, Served

pytestmark = pytest.mark.bubblewrap

EVENTS = {"Accept": "text/event-stream"}
MIB = 1 << 20
LARGE = 192 * MIB


async def event(lines: AsyncIterator[str]) -> tuple[str, dict[str, object]]:
    """The next one."""
    name = ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return name, json.loads(line.removeprefix("data: "))
    raise EOFError


def peak() -> int:
    """The most memory that this process ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


async def running(served: Served) -> None:
    await served.until("pgrep -c -x sleep || true", "2")


async def ended(served: Served) -> None:
    await served.until("pgrep -c -x sleep || true", "0")


TWO = "setsid sleep 1234 & sleep 1234"
"""One of them is in a session of its own."""


async def test_who_leaves_a_command_ends_it(served: Served) -> None:
    call = asyncio.create_task(served.client.post(f"{SHOP}/exec", json={"command": TWO}))
    await running(served)
    call.cancel()
    await ended(served)


async def test_who_leaves_a_stream_ends_its_command(served: Served) -> None:
    body = {"command": f"echo up; {TWO}"}
    async with served.client.stream("POST", f"{SHOP}/exec", json=body, headers=EVENTS) as answer:
        lines = answer.aiter_lines()
        name, data = await event(lines)
        assert (name, base64.b64decode(str(data["base64"]))) == ("stdout", b"up\n")
        await running(served)
    await ended(served)


async def test_who_leaves_a_tool_ends_its_command(served: Served) -> None:
    call = asyncio.create_task(
        served.client.post(f"{SHOP}/tools/shell_exec", json={"command": TWO})
    )
    await running(served)
    call.cancel()
    await ended(served)


async def test_a_slow_client_slows_the_command_and_loses_nothing(served: Served) -> None:
    command = "for i in $(seq 64); do head -c 1048576 /dev/zero; echo $i >/workspace/at; done"
    async with served.client.stream(
        "POST", f"{SHOP}/exec", json={"command": command}, headers=EVENTS
    ) as answer:
        lines = answer.aiter_lines()
        _, first = await event(lines)
        held = await standing(served)
        assert 0 <= held < 40
        size = len(base64.b64decode(str(first["base64"])))
        while True:
            name, data = await event(lines)
            if name == "exit":
                break
            size += len(base64.b64decode(str(data["base64"])))
    assert (size, data["exit"]) == (64 * MIB, 0)


async def standing(served: Served) -> int:
    """How far the command got, once it goes on no more."""
    last = -1
    while True:
        now = int(await served.sh("cat /workspace/at 2>/dev/null || echo 0"))
        if now == last:
            return now
        last = now
        await asyncio.sleep(0.5)


async def test_a_large_file_goes_both_ways_in_little_memory(served: Served) -> None:
    await served.sh("true")
    digest, before = hashlib.sha256(), peak()

    async def content() -> AsyncIterator[bytes]:
        for number in range(LARGE // MIB):
            piece = bytes([number % 251]) * MIB
            digest.update(piece)
            yield piece

    made = await served.client.put(f"{SHOP}/files/large", content=content())
    assert made.json() == {"size": LARGE, "sha256": digest.hexdigest(), "created": True}
    found = hashlib.sha256()
    async with served.client.stream("GET", f"{SHOP}/files/large") as answer:
        assert answer.headers["Content-Length"] == str(LARGE)
        async for piece in answer.aiter_bytes():
            found.update(piece)
    assert found.hexdigest() == digest.hexdigest()
    assert peak() - before < 64 * MIB


async def test_an_upload_that_breaks_off_leaves_the_old_file(served: Served) -> None:
    await served.client.put(f"{SHOP}/files/a", content=b"old")
    half = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        yield bytes(8 * MIB)
        half.set()
        await asyncio.Event().wait()

    call = asyncio.create_task(served.client.put(f"{SHOP}/files/a", content=content()))
    await half.wait()
    call.cancel()
    await served.until("ls -A /workspace | tr '\\n' ' '", "a")
    assert await served.sh("cat a") == "old"


@pytest.mark.parametrize("path", ["/api/v1/projects/never/files/a", f"{SHOP}/files/a"])
async def test_an_upload_that_is_refused_hears_why_while_it_sends(
    served: Served, path: str
) -> None:
    await served.client.put(f"{SHOP}/files/a", content=b"old")
    headers = {"If-None-Match": "*", "Content-Length": str(LARGE)}
    refused = await served.client.put(path, content=zeros(), headers=headers)
    assert refused.status_code in (404, 409)
    assert refused.json()["error"]["code"] in ("project_not_found", "already_exists")


async def zeros() -> AsyncIterator[bytes]:
    for _ in range(LARGE // MIB):
        yield bytes(MIB)


async def test_a_directory_is_copied_by_a_tar(served: Served) -> None:
    await served.sh("mkdir -p d/e && head -c 5000000 /dev/urandom >d/e/f && ln -s f d/e/g")
    async with served.client.stream("GET", f"{SHOP}/archive?path=d") as packed:
        copied = await served.client.put(
            f"{SHOP}/archive?path=copy&strip=1", content=packed.aiter_raw()
        )
    assert copied.json()["bytes"] == 5_000_000
    assert await served.sh("cmp d/e/f copy/f && readlink copy/g") == "f"


async def test_a_watch_tells_changes_until_it_is_left(served: Served) -> None:
    async with served.client.stream("GET", f"{SHOP}/watch", headers=EVENTS) as answer:
        lines = answer.aiter_lines()
        assert await event(lines) == ("change", {"changes": []})
        await served.sh("echo x >made")
        _, data = await event(lines)
        assert {"kind": "created", "path": "made"} in data["changes"]  # type: ignore[operator]


async def test_a_job_is_followed_to_its_end(served: Served) -> None:
    command = "for i in 1 2 3; do echo $i; sleep 0.2; done"
    job = (await served.client.post(f"{SHOP}/jobs", json={"command": command})).json()["id"]
    output = b""
    async with served.client.stream("GET", f"{SHOP}/jobs/{job}/output", headers=EVENTS) as answer:
        lines = answer.aiter_lines()
        while True:
            name, data = await event(lines)
            if name == "exit":
                break
            output += base64.b64decode(str(data["base64"]))
    assert output == b"1\n2\n3\n"


async def test_a_job_outlives_who_follows_it(served: Served) -> None:
    started = await served.client.post(f"{SHOP}/jobs", json={"command": f"echo up; {TWO}"})
    job = f"{SHOP}/jobs/{started.json()['id']}"
    async with served.client.stream("GET", f"{job}/output", headers=EVENTS) as answer:
        await event(answer.aiter_lines())
    await running(served)
    assert (await served.client.get(job)).json()["state"] == "running"


async def test_a_stream_ends_with_its_token(served: Served) -> None:
    token, headers = await served.token()
    body = {"command": f"echo up; {TWO}"}
    async with served.client.stream(
        "POST", f"{SHOP}/exec", json=body, headers={**headers, **EVENTS}
    ) as answer:
        lines = answer.aiter_lines()
        await event(lines)
        await served.gate.tokens.revoke("acme", token)
        name, data = await event(lines)
    assert (name, data["error"]["code"]) == ("error", "token_revoked")  # type: ignore[index]
    await ended(served)


async def test_the_kill_switch_ends_what_runs(served: Served) -> None:
    operator = {"Authorization": f"Bearer {ADMIN}"}
    one = asyncio.create_task(served.client.post(f"{SHOP}/exec", json={"command": TWO}))
    await running(served)
    body = {"reason": "drill", "author": "ann", "kill": True}
    await served.client.post("/api/admin/path-b/disable", json=body, headers=operator)
    answer = await one
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "switched_off")
    await served.client.post("/api/admin/path-b/enable", json={}, headers=operator)
    await ended(served)


async def test_forty_who_leave_at_once_leave_nothing_behind(served: Served) -> None:
    await served.sh("true")
    calls = [
        asyncio.create_task(served.client.post(f"{SHOP}/exec", json={"command": "sleep 1234"}))
        for _ in range(40)
    ]
    await served.until("pgrep -c -x sleep || true", "40")
    for call in calls:
        call.cancel()
    await ended(served)
    assert served.gate.calls.under_way == 0
    answer: httpx2.Response = await served.client.get(f"{SHOP}/box")
    assert answer.json()["state"] == "running"
