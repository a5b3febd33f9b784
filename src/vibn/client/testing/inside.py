"""Addresses beneath a project's box: commands, jobs, files."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from vibn.client.testing.answer import Asked, Told, event, told
from vibn.client.testing.feed import Feed
from vibn.client.testing.files import sha256
from vibn.client.testing.process import FakeProcess, Script, shell_result
from vibn.client.testing.search import edit, glob, grep
from vibn.client.testing.state import FakeJob, FakeProject, now
from vibn.errors import InvalidInput, JobNotFound, ToolNotFound


def process_of(project: FakeProject, body: Mapping[str, Any]) -> FakeProcess:
    command = body.get("command")
    if command is not None and not str(command).strip():
        raise InvalidInput("The command is empty.", hint="Pass a shell command.")
    env = {**project.env, **project.secrets, **(body.get("env") or {})}
    cwd = body.get("cwd") or ""
    if cwd:
        project.files.stat(cwd)
    user = body.get("user") or "vibn"
    return FakeProcess("" if command is None else command, project.files, cwd, env, user)


def execute(_: FakeProject, asked: Asked, script: Script, process: FakeProcess) -> Told:
    body = asked.json()
    data = base64.b64decode(body.get("stdin_base64") or "") or (body.get("stdin") or "").encode()
    if data:
        process.stdin.put(data)
    process.stdin.end()
    thread = process.start(script, body.get("timeout_ms", 120_000) / 1000)
    if asked.events:
        return Told(200, _streamed(process, thread), {"content-type": "text/event-stream"})
    pieces = list(process.output)
    thread.join()
    return told(shell_result(process, _joined(pieces, "stdout"), _joined(pieces, "stderr")))


def _joined(pieces: Iterable[tuple[str, bytes]], stream: str) -> bytes:
    return b"".join(data for name, data in pieces if name == stream)


def _streamed(process: FakeProcess, thread: threading.Thread) -> Feed[bytes]:
    feed: Feed[bytes] = Feed(lambda: process.kill("KILL"))

    def pump() -> None:
        for stream, data in process.output:
            feed.put(event(stream, {"base64": base64.b64encode(data).decode()}))
        thread.join()
        feed.put(event("exit", shell_result(process)))
        feed.end()

    threading.Thread(target=pump, daemon=True).start()
    return feed


# jobs


def start_job(project: FakeProject, asked: Asked, script: Script, process: FakeProcess) -> Told:
    job = FakeJob(f"j{len(project.jobs) + 1}", asked.json().get("name") or "", process)
    project.jobs[job.id] = job
    process.start(script, None)

    def pump() -> None:
        for _, data in process.output:
            job.data += data
        job.ended_at = now()

    threading.Thread(target=pump, daemon=True).start()
    return told(job.shown(), 201)


def job_of(project: FakeProject, id: str) -> FakeJob:
    if id not in project.jobs:
        raise JobNotFound(f"There is no job {id[:64]}.")
    return project.jobs[id]


def job_output(job: FakeJob, asked: Asked) -> Told:
    offset, limit = int(asked.query.get("offset", 0)), int(asked.query.get("limit", 65536))
    if offset < 0:
        offset = max(0, len(job.data) + offset)
    if asked.events:
        return Told(200, _followed(job, offset), {"content-type": "text/event-stream"})
    _await_more(job, offset, int(asked.query.get("wait_ms", 0)) / 1000)
    return told({"job": job.shown(), **_piece(job, offset, limit)})


def _piece(job: FakeJob, offset: int, limit: int) -> dict[str, Any]:
    data = bytes(job.data[offset : offset + limit])
    encoded = {"text": data.decode(errors="replace"), "base64": base64.b64encode(data).decode()}
    return {"offset": offset, "next": offset + len(data), "dropped": 0, **encoded}


def _await_more(job: FakeJob, offset: int, seconds: float) -> None:
    waited = threading.Event()
    while seconds > 0 and len(job.data) <= offset and job.ended_at is None:
        waited.wait(0.01)
        seconds -= 0.01


def _followed(job: FakeJob, offset: int) -> Feed[bytes]:
    feed: Feed[bytes] = Feed()

    def pump() -> None:
        at = offset
        while not feed.closed:
            ended = job.ended_at is not None
            piece = _piece(job, at, 65536)
            at = piece["next"]
            if piece["base64"]:
                feed.put(event("output", piece))
            elif ended:
                feed.put(event("exit", {"job": job.shown()}))
                break
            else:
                _await_more(job, at, 0.5)
        feed.end()

    threading.Thread(target=pump, daemon=True).start()
    return feed


def job_input(job: FakeJob, asked: Asked) -> Told:
    body = asked.json()
    data = base64.b64decode(body.get("base64") or "") or (body.get("text") or "").encode()
    if data:
        job.process.stdin.put(data)
    if body.get("eof"):
        job.process.stdin.end()
    return told({"written": len(data)})


def job_signal(job: FakeJob, asked: Asked) -> Told:
    if job.ended_at is not None:
        return told({"signalled": []})
    job.process.kill(str(asked.json()["signal"]))
    return told({"signalled": [job.shown()["pid"]]})


# files


def file(project: FakeProject, path: str, asked: Asked) -> Told:
    files = project.files
    if asked.method == "PUT":
        expect = asked.headers.get("if-match")
        exclusive = asked.headers.get("if-none-match") == "*"
        created = files.write(
            path, asked.body, expect=expect and expect.strip('"'), exclusive=exclusive
        )
        size, digest = len(asked.body), sha256(asked.body)
        return told({"size": size, "sha256": digest, "created": created}, 201 if created else 200)
    if asked.method == "DELETE":
        removed = files.delete(path, asked.query.get("recursive") == "true")
        return told({"removed": removed})
    return _ranged(files.read(path), asked.headers.get("range"))


def _ranged(data: bytes, asked: str | None) -> Told:
    headers = {"etag": f'"{sha256(data)}"', "content-type": "application/octet-stream"}
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if found is None:
        return Told(200, data, headers)
    start, stop = int(found[1]), int(found[2] or len(data)) + (1 if found[2] else 0)
    if start >= len(data):
        return Told(416, b"", {"content-range": f"bytes */{len(data)}"})
    part = data[start:stop]
    span = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
    return Told(206, part, {**headers, "content-range": span})


def watch(project: FakeProject, path: str) -> Told:
    start = "" if path == "." else project.files.entry(path)[0] + "/"

    def hear(kind: str, place: str) -> None:
        if (place + "/").startswith(start):
            feed.put(event("change", {"changes": [{"kind": kind, "path": place}]}))

    feed: Feed[bytes] = Feed(lambda: project.files.watchers.remove(hear))
    project.files.watchers.append(hear)
    feed.put(event("change", {"changes": []}))
    return Told(200, feed, {"content-type": "text/event-stream"})


# tools

_TOOLS = {"fs_edit": edit, "fs_glob": glob, "fs_grep": grep}


def tool_list() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": name,
            "description": (tool.__doc__ or name).strip(),
            "input_schema": {"type": "object", "properties": {}},
            "read_only": name != "fs_edit",
            "destructive": False,
            "idempotent": False,
            "in_project": True,
        }
        for name, tool in _TOOLS.items()
    ]


def call_tool(project: FakeProject, name: str, asked: Asked) -> Told:
    tool = _TOOLS.get(name.replace(".", "_"))
    if tool is None:
        raise ToolNotFound(f"The fake has no tool {name[:40]!r}.", hint=f"It has {list(_TOOLS)}.")
    try:
        result = tool(project.files, asked.json())
    except KeyError as error:
        raise InvalidInput(f"{error.args[0]}: it is missing.") from None
    return told({"text": str(result), "result": result})
