"""One background job: its files, its processes, its end.

A job is a tiny shell that runs the command and then writes its exit status to a file, so that
neither the agent nor the control plane is needed for a job to run and to be told of later. Its
directory holds:

    job      what is known of it (JSON), replaced as a whole
    out      its output; the oldest blocks are given back, so offsets stay
    in       a FIFO, its standard input
    hold     a FIFO; while nobody writes to it, the holder keeps the write end of ``in`` open,
             so that the input ends neither with an agent nor with a message
    exit     two lines: the holder's pid, then the exit status; its time is the job's end
"""

from __future__ import annotations

import os
import time

from .cores import signal
from .frames import dumps, loads
from .libc import punch_hole
from .outcome import outcome, signal_name
from .spawn import program, spawn
from .tree import Family, marker_of, process, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .agent import Agent

WRAPPER = """
trap : HUP INT QUIT TERM
(trap '' HUP INT QUIT TERM; exec <"$0/hold" >/dev/null 2>&1 9>&-; read -r _) &
holder=$!
echo "$holder" >&9
exec 8>&-
"$@" 9>&-
status=$?
kill -9 "$holder" 2>/dev/null
echo "$status" >&9
exit "$status"
"""
_BLOCK = 4096


class Job:
    """``data`` is the record on disk: id, name, cmd, cwd, pid, start, started_at, limit, first,
    base, state, exit, signal, ended_at."""

    def __init__(self, agent: Agent, directory: str, data: dict[str, Any]) -> None:
        self.agent = agent
        self.directory = directory
        self.data = data

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def running(self) -> bool:
        return bool(self.data["state"] == "running")

    @property
    def pid(self) -> int:
        return int(self.data["pid"])

    def save(self) -> None:
        """Replace the record; a crash leaves the old or the new one."""
        path = self.directory + "/job"
        fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            rest = dumps(self.data).encode()
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        os.rename(path + ".new", path)

    def start(self, argv: list[str], env: dict[str, str]) -> None:
        """Make the files and the processes. Raises Failure or OSError; then nothing is left."""
        opened: list[int] = []
        cwd = self.agent.place(self.data["cwd"])
        env["PWD"] = cwd
        argv = [program(argv[0], env, cwd), *argv[1:]]

        def open_file(name: str, flags: int) -> int:
            opened.append(os.open(self.directory + "/" + name, flags | os.O_CLOEXEC, 0o600))
            return opened[-1]

        try:
            for name in ("in", "hold"):
                os.mkfifo(self.directory + "/" + name, 0o600)
            out = open_file("out", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            exit_file = open_file("exit", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            reading = open_file("in", os.O_RDONLY | os.O_NONBLOCK)
            writing = open_file("in", os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(reading, True)
            pid = spawn(
                ["vibn-job", "-c", WRAPPER, self.directory, *argv],
                env,
                cwd,
                ((reading, 0), (out, 1), (out, 2), (writing, 8), (exit_file, 9)),
                path="/bin/sh",
            )
        finally:
            for fd in opened:
                os.close(fd)
        one = process(pid)
        self.data.update(pid=pid, start=one.start if one is not None else 0)
        self.save()

    # Is it alive, how did it end

    def alive(self) -> bool:
        """Whether its shell still runs: the same pid, start time and marker as at its start."""
        one = process(self.pid)
        if one is None or one.dead or one.start != self.data["start"]:
            return False
        return marker_of(self.pid) in (self.id, "")

    def recorded_exit(self) -> tuple[int, float] | None:
        """(exit status as the shell tells it, when) from its file."""
        lines = read_file(self.directory + "/exit").split(b"\n")
        if len(lines) < 3 or not lines[1].isdigit():
            return None
        return int(lines[1]), os.stat(self.directory + "/exit").st_mtime

    def ended(self, status: int | None) -> None:
        """Note its end. ``status`` is the wait status of its shell, when it was our child."""
        recorded = self.recorded_exit()
        data = self.data
        data.update(state="exited", exit=None, signal=None, ended_at=time.time())
        if recorded is not None:
            code, data["ended_at"] = recorded
            # A shell tells death by signal N as 128 + N.
            name = signal_name(code - 128) if code > 128 else ""
            if name and not name.isdigit():
                data["signal"] = name
            else:
                data["exit"] = code
        elif status is not None:
            data.update(outcome(status))
        else:
            data["state"] = "lost"
        self._clear()
        try:
            self.save()
        except OSError:
            # A full disk: it is known in memory, and found ended again after a restart.
            return

    def _clear(self) -> None:
        for name in ("in", "hold"):
            try:
                os.unlink(self.directory + "/" + name)
            except OSError:
                continue

    # Its processes

    def signal(self, number: int, tree: bool) -> list[int]:
        """Send a signal to the command's processes, or only to the topmost; not to its shell,
        which has to tell the end. Returns the pids that got it."""
        sent = []
        family = sorted(Family(self.pid, self.id).find(), key=lambda one: one.start)
        keepers = {self.pid, self._holder()}
        for one in family:
            top = one.parent == self.pid
            if one.pid not in keepers and (tree or top):
                try:
                    os.kill(one.pid, number)
                    sent.append(one.pid)
                except OSError:
                    continue
        return sent

    def kill(self) -> None:
        """End every process of it, now."""
        from .killing import Killing

        Killing(self.agent, self.pid, self.id, None)

    def close_input(self) -> None:
        """Let its input end, once what was written is read."""
        holder = self._holder()
        if holder and marker_of(holder) == self.id:
            os.kill(holder, signal.SIGKILL)

    def _holder(self) -> int:
        first = read_file(self.directory + "/exit").partition(b"\n")[0]
        return int(first) if first.isdigit() else 0

    # Its output

    def size(self) -> int:
        """Bytes ever written to the output."""
        try:
            return int(self.data["base"]) + os.stat(self.directory + "/out").st_size
        except OSError:
            return int(self.data["base"])

    def read_output(self, offset: int, limit: int) -> bytes:
        """Bytes from ``offset``, which is at least ``first``."""
        fd = os.open(self.directory + "/out", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, limit, offset - int(self.data["base"]))
        finally:
            os.close(fd)

    def trim(self) -> int:
        """Give old output back, so that about ``limit`` bytes stay. Returns the size."""
        data = self.data
        size, limit = self.size(), int(data["limit"])
        slack = max(limit // 4, 16 * _BLOCK)
        if size - data["first"] <= limit + slack:
            return size
        first = (size - limit) // _BLOCK * _BLOCK
        fd = os.open(self.directory + "/out", os.O_WRONLY | os.O_CLOEXEC)
        try:
            if data["base"] == 0 and punch_hole(fd, 0, first):
                data["first"] = first
            else:
                # No holes on this file system: start the file again. It is open for appending,
                # so the job writes on at its new end.
                kept = os.fstat(fd).st_size
                os.ftruncate(fd, 0)
                data["base"] += kept
                data["first"] = data["base"]
        finally:
            os.close(fd)
        self.save()
        return size

    def show(self) -> dict[str, Any]:
        """The job as the protocol tells it."""
        keys = ("id", "name", "cmd", "cwd", "pid", "state", "exit", "signal", "started_at")
        shown = {key: self.data[key] for key in keys}
        shown.update(ended_at=self.data["ended_at"], size=self.size(), first=self.data["first"])
        return shown


def load(agent: Agent, directory: str) -> Job | None:
    """The job of a directory; None when its record is damaged (it was made in its last moment)."""
    try:
        data = loads(read_file(directory + "/job", 1 << 20).decode())
        numbers = ("pid", "start", "limit", "first", "base")
        if not all(type(data[key]) is int for key in numbers):
            return None
        texts = ("id", "name", "cmd", "cwd", "state")
        if not all(type(data[key]) is str for key in texts):
            return None
        if data["id"] != os.path.basename(directory):
            return None
        for key in ("exit", "signal", "started_at", "ended_at"):
            data[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Job(agent, directory, data)
