"""A command of the fake: what a test's script sees of it, and how it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vibn.client.testing.feed import Feed
from vibn.client.testing.files import FakeFiles


class Killed(BaseException):
    """Raised in a script when its command was killed: by a signal, a time limit, or because the
    caller left."""


Script = Callable[["FakeProcess"], int | None]


@dataclass
class FakeProcess:
    """What a script works with. It reads stdin, writes output, and returns its exit status (None
    is 0). ``rows`` and ``cols`` are 0 without a terminal."""

    command: str
    files: FakeFiles
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    user: str = "vibn"
    rows: int = 0
    cols: int = 0
    killed_by: str = ""
    killed: threading.Event = field(default_factory=threading.Event)
    output: Feed[tuple[str, bytes]] = field(default_factory=Feed[tuple[str, bytes]])
    stdin: Feed[bytes] = field(default_factory=Feed[bytes])
    resized: threading.Event = field(default_factory=threading.Event)
    result: dict[str, Any] = field(default_factory=dict[str, Any])

    def out(self, text: str | bytes) -> None:
        """To stdout."""
        self._write("stdout", text)

    def err(self, text: str | bytes) -> None:
        """To stderr; with a terminal there is only one."""
        self._write("stdout" if self.rows else "stderr", text)

    def read(self) -> bytes:
        """The next piece of stdin; empty at its end."""
        piece = self.stdin.take()
        self.check()
        return piece or b""

    def read_all(self) -> bytes:
        """Stdin to its end."""
        return b"".join(iter(self.read, b""))

    def sleep(self, seconds: float) -> None:
        """As ``time.sleep``, but no longer than the command may run."""
        self.killed.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raises Killed once the command is to end."""
        if self.killed_by:
            raise Killed(self.killed_by)

    def kill(self, signal: str) -> None:
        self.killed_by = self.killed_by or signal
        self.killed.set()
        self.stdin.close()

    def resize(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols
        self.resized.set()

    def start(self, script: Script, timeout: float | None) -> threading.Thread:
        """Run ``script`` on a thread of its own; ``output`` ends when it does."""
        thread = threading.Thread(target=self._run, args=(script,), daemon=True)
        thread.start()
        if timeout is not None:
            limit = threading.Timer(timeout, self._late)
            limit.daemon = True
            limit.start()
        return thread

    def _write(self, stream: str, text: str | bytes) -> None:
        self.check()
        data = text.encode() if isinstance(text, str) else text
        if data:
            self.output.put((stream, data))

    def _late(self) -> None:
        if not self.result:
            self.kill("KILL")
            self.result["timed_out"] = True

    def _run(self, script: Script) -> None:
        status: int | None = None
        try:
            status = script(self) or 0
        except Killed:
            pass
        finally:
            ended = self.killed_by if status is None else ""
            self.result |= {"exit": None if ended else status, "signal": ended or None}
            self.output.end()


def shell_result(process: FakeProcess, stdout: bytes = b"", stderr: bytes = b"") -> dict[str, Any]:
    """How it ended, as the server tells it."""
    late = process.result.get("timed_out", False)
    return {
        "exit": process.result["exit"],
        "signal": process.result["signal"],
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr.decode(errors="replace"),
        "ms": 1.0,
        "timed_out": late,
        "oom": False,
        "truncated": False,
        "log": None,
        "killed": [],
        "left": [],
        "notes": ["Timed out and was killed."] if late else [],
    }


def saying(stdout: str, stderr: str, exit: int) -> Script:
    """A script that writes and ends."""

    def script(process: FakeProcess) -> int:
        process.out(stdout)
        process.err(stderr)
        return exit

    return script


def unknown(process: FakeProcess) -> int:
    process.err(f"sh: {process.command}: the test has no script for it, see FakeServer.on\n")
    return 127
