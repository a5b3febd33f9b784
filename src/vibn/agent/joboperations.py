"""The operations job.start, job.list, job.read, job.input and job.signal."""

from __future__ import annotations

import os
import time

from .args import REQUIRED, bounded, take
from .failure import Failure
from .frames import MAX_BODY, MAX_HEADER, dumps
from .outcome import signal_number
from .spawn import arguments, environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from .context import Context
    from .job import Job
    from .ops import Result

_NUMBER = (int, float)
INPUT_PATIENCE = 30.0
"""Seconds that a job may leave its input unread before ``job.input`` answers what it took."""


def start(context: Context, args: dict[str, Any], body: bytes) -> Result:
    del body
    given = take(
        args,
        {
            "cmd": (str, None),
            "argv": (list, None),
            "cwd": (str, "/workspace"),
            "env": (dict, {}),
            "name": (str, ""),
            "limit": (int, 16 * 1024 * 1024),
        },
    )
    bounded("limit", given["limit"], 4096, 1 << 40)
    argv = arguments(given["cmd"], given["argv"])
    env = environment(context.agent.environ, given["env"], "")
    shown = given["cmd"] if given["cmd"] is not None else " ".join(argv)
    job = context.agent.jobs.start(
        argv, shown[:16384], given["cwd"], env, given["name"][:256], given["limit"]
    )
    return {"id": job.id, "pid": job.pid, "started_at": job.data["started_at"]}, b""


def listing(context: Context, args: dict[str, Any], body: bytes) -> Result:
    del body
    take(args, {})
    shown = [job.show() for job in context.agent.jobs.all()]
    for one in shown:
        _shorten(one, (MAX_HEADER - 4096) // len(shown))
    return {"jobs": shown}, b""


def _shorten(shown: dict[str, Any], room: int) -> None:
    """Cut a job's texts until it takes at most ``room`` bytes: the list has to fit one header."""
    while len(dumps(shown)) >= room:
        longest = max(("cmd", "name", "cwd"), key=lambda key: len(shown[key]))
        if not shown[longest]:
            return
        shown[longest] = shown[longest][: len(shown[longest]) // 2]


def read(context: Context, args: dict[str, Any], body: bytes) -> Generator[Any, Any, Result]:
    del body
    given = take(
        args,
        {
            "id": (str, REQUIRED),
            "offset": (int, 0),
            "limit": (int, 65536),
            "wait": (_NUMBER, 0),
        },
    )
    bounded("offset", given["offset"], -(1 << 62), 1 << 62)
    bounded("limit", given["limit"], 0, MAX_BODY)
    bounded("wait", given["wait"], 0, 60)
    job = context.agent.jobs.get(given["id"])
    wanted = given["offset"]
    if wanted < 0:
        wanted = max(0, job.size() + wanted)
    until = time.monotonic() + given["wait"]
    pause = 0.004
    while job.running and job.size() <= wanted and time.monotonic() < until:
        yield context.wait_fd(None, min(pause, max(0.001, until - time.monotonic())))
        pause = min(pause * 1.3, 0.05)
    first = int(job.data["first"])
    offset = max(wanted, first)
    data = job.read_output(offset, given["limit"])
    return {
        "job": job.show(),
        "offset": offset,
        "next": offset + len(data),
        "dropped": max(0, first - wanted),
    }, data


def give(context: Context, args: dict[str, Any], body: bytes) -> Generator[Any, Any, Result]:
    given = take(args, {"id": (str, REQUIRED), "eof": (bool, False)})
    job = context.agent.jobs.get(given["id"])
    if not job.running:
        raise Failure("conflict", "The job has ended.")
    written = 0
    if body:
        fd = _open_input(job)
        try:
            until = time.monotonic() + INPUT_PATIENCE
            while written < len(body) and time.monotonic() < until:
                try:
                    written += os.write(fd, body[written:])
                except BlockingIOError:
                    yield context.wait_fd(None, 0.01)
                except BrokenPipeError:
                    break
        finally:
            os.close(fd)
    if given["eof"]:
        job.close_input()
    return {"written": written}, b""


def _open_input(job: Job) -> int:
    try:
        return os.open(job.directory + "/in", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise Failure("conflict", "The job does not read its input any more.") from None


def signal(context: Context, args: dict[str, Any], body: bytes) -> Result:
    del body
    given = take(args, {"id": (str, REQUIRED), "signal": (str, "TERM"), "tree": (bool, True)})
    number = signal_number(given["signal"])
    if not number:
        raise Failure("invalid_input", "unknown signal %.30r" % given["signal"])
    job = context.agent.jobs.get(given["id"])
    if not job.running:
        return {"signalled": []}, b""
    pids = job.signal(number, given["tree"])
    if number == 9 and given["tree"]:
        job.kill()
    return {"signalled": pids}, b""
