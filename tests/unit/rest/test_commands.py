"""Commands in the foreground and as jobs."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2

SHOP = "/api/v1/projects/shop"
EVENTS = {"Accept": "text/event-stream"}


def events(text: str) -> list[tuple[str, Any]]:
    """Name and data of each; comments are left out."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line[0] != ":")
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def output(told: list[tuple[str, Any]], stream: str) -> bytes:
    return b"".join(base64.b64decode(data["base64"]) for name, data in told if name == stream)


async def test_a_command_answers_how_it_ended(client: httpx2.AsyncClient) -> None:
    body = {"command": "cat; echo $WHO >&2; exit 3", "env": {"WHO": "ann"}, "stdin": "in"}
    found = (await client.post(f"{SHOP}/exec", json=body)).json()
    assert (found["exit"], found["stdout"], found["stderr"]) == (3, "in", "ann\n")


async def test_its_input_may_be_bytes(client: httpx2.AsyncClient) -> None:
    body = {"command": "wc -c", "stdin_base64": base64.b64encode(b"\x00\xff").decode()}
    assert (await client.post(f"{SHOP}/exec", json=body)).json()["stdout"].strip() == "2"


async def test_input_of_two_kinds_is_refused(client: httpx2.AsyncClient) -> None:
    for more in ({"stdin_base64": ""}, {"stdin_base64": "?"}):
        body = {"command": "cat", "stdin": "a", **more}
        assert (await client.post(f"{SHOP}/exec", json=body)).status_code == 400
    assert (
        await client.post(f"{SHOP}/exec", json={"command": "cat", "stdin_base64": "?"})
    ).status_code == 400


async def test_its_output_comes_as_events(client: httpx2.AsyncClient) -> None:
    body = {"command": "cat; echo err >&2; exit 4", "stdin": "x" * 300_000}
    found = await client.post(f"{SHOP}/exec", json=body, headers=EVENTS)
    assert found.headers["Content-Type"].startswith("text/event-stream")
    told = events(found.text)
    assert output(told, "stdout") == b"x" * 300_000
    assert output(told, "stderr") == b"err\n"
    assert (told[-1][0], told[-1][1]["exit"]) == ("exit", 4)


async def test_a_stream_that_cannot_begin_is_a_problem(client: httpx2.AsyncClient) -> None:
    for body, status in (({"command": "true", "cwd": "nowhere"}, 404), ({"command": " "}, 400)):
        found = await client.post(f"{SHOP}/exec", json=body, headers=EVENTS)
        assert (found.status_code, "error" in found.json()) == (status, True)


async def test_secrets_are_masked_in_a_stream(client: httpx2.AsyncClient) -> None:
    await client.put(f"{SHOP}/secrets/KEY", json={"value": "hunter2-hunter2"})
    body = {"command": "printf '%s' \"$KEY\""}
    found = await client.post(f"{SHOP}/exec", json=body, headers=EVENTS)
    shown = output(events(found.text), "stdout")
    assert (b"hunter2" in shown, bool(shown)) == (False, True)


async def started(client: httpx2.AsyncClient, command: str) -> str:
    found = await client.post(f"{SHOP}/jobs", json={"command": command, "name": "n"})
    assert (found.status_code, found.json()["state"]) == (201, "running")
    return f"{SHOP}/jobs/{found.json()['id']}"


async def test_a_job_is_read_written_to_and_followed(client: httpx2.AsyncClient) -> None:
    job = await started(client, "echo begun; read x; echo $x; exit 5")
    first = (await client.get(f"{job}/output?wait_ms=5000")).json()
    assert (first["text"], base64.b64decode(first["base64"])) == ("begun\n", b"begun\n")
    assert (await client.post(f"{job}/input", json={"text": "more\n"})).json() == {"written": 5}
    told = events((await client.get(f"{job}/output?offset=6", headers=EVENTS)).text)
    assert output(told, "output") == b"more\n"
    assert (told[-1][0], told[-1][1]["job"]["exit"]) == ("exit", 5)


async def test_a_job_is_signalled(client: httpx2.AsyncClient) -> None:
    job = await started(client, "sleep 100")
    assert (await client.post(f"{job}/signal", json={"signal": "SIGKILL"})).json()["signalled"]
    told = events((await client.get(f"{job}/output", headers=EVENTS)).text)
    assert told[-1][1]["job"]["signal"] == "KILL"
    assert [one["state"] for one in (await client.get(f"{SHOP}/jobs")).json()["jobs"]] == ["exited"]


async def test_a_job_that_is_not_there_is_told(client: httpx2.AsyncClient) -> None:
    for path in ("", "/output", "/output?offset=-5"):
        for headers in ({}, EVENTS):
            found = await client.get(f"{SHOP}/jobs/nothing{path}", headers=headers)
            assert found.json()["error"]["code"] == "job_not_found"


async def test_a_signal_has_a_name(client: httpx2.AsyncClient) -> None:
    job = await started(client, "true")
    for name in ("KILLER", "9", "term", ""):
        assert (await client.post(f"{job}/signal", json={"signal": name})).status_code == 400
