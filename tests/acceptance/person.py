"""Somebody at a terminal, and the server they talk to."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import pytest
from tests.served import Served, remove_boxes

from vibn.runtimes import bubblewrap

VIBN = [sys.executable, "-c", "from vibn.cli import main; main()"]
PATIENCE = 60.0


@dataclass
class Typing:
    """A program on a terminal of its own, as a person sees it."""

    process: subprocess.Popen[bytes]
    screen: int
    side: int
    """The terminal's other side: open here too, so that its modes can be looked at in the end."""
    seen: bytes = b""
    at: int = 0

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def expect(self, text: str) -> None:
        """Wait until ``text`` is shown, after what was waited for before."""
        wanted, end = text.encode(), time.monotonic() + PATIENCE
        while (found := self.seen.find(wanted, self.at)) < 0:
            assert time.monotonic() < end, f"{text!r} is not in {self.seen!r}"
            assert self._more(), f"{text!r} is not in {self.seen!r}"
        self.at = found + len(wanted)

    def resize(self, rows: int, cols: int) -> None:
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def ended(self) -> int:
        """Its exit status."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self._more(0.1)
        return self.process.wait(1)

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.screen)

    def _more(self, seconds: float = PATIENCE) -> bool:
        if not select.select([self.screen], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.screen, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)


@dataclass
class Person:
    served: Served
    home: Path
    typing: list[Typing] = field(default_factory=list[Typing])

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VIBN_")}
        admin = self.served.environ.get("VIBN_ADMIN_SECRET", "operators-secret")
        ours = {"XDG_CONFIG_HOME": str(self.served.config), "VIBN_ADMIN_SECRET": admin}
        return {**kept, **ours, "TERM": "xterm-256color", "COLUMNS": "120"}

    def run(
        self, *arguments: str, stdin: bytes = b"", **environ: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*VIBN, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.home,
            env={**self.environ, **environ},
            timeout=300,
        )

    def says(self, *arguments: str, stdin: bytes = b"") -> str:
        """What it prints, once it has ended well."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.decode()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """In the background of nothing: with pipes, in a group of its own."""
        return subprocess.Popen(
            [*VIBN, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environ,
            cwd=self.home,
            start_new_session=True,
        )

    def types(self, *arguments: str) -> Typing:
        """The command on a terminal of 24 rows and 80 columns."""
        screen, side = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [*VIBN, *arguments],
            stdin=side,
            stdout=side,
            stderr=side,
            env={k: v for k, v in self.environ.items() if k != "COLUMNS"},
            cwd=self.home,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.typing.append(Typing(process, screen, side))
        return self.typing[-1]

    def ended(self) -> None:
        for one in self.typing:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGKILL)
                one.process.wait()
            os.close(one.screen)
            os.close(one.side)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    sandbox = asyncio.run(bubblewrap.available())
    if not sandbox.usable:
        pytest.skip(f"bubblewrap: {sandbox.reason}")
    state = Path(mkdtemp(prefix="vs"))
    state.chmod(0o711)
    server = Served(state, tmp_path_factory.mktemp("config"))
    try:
        yield server.start()
    finally:
        server.kill()
        remove_boxes(state)


@pytest.fixture
def person(served: Served, tmp_path: Path) -> Iterator[Person]:
    """With the project ``shop``."""
    somebody = Person(served, tmp_path)
    if "shop" not in somebody.says("projects", "list"):
        somebody.says("projects", "create", "shop")
    yield somebody
    somebody.ended()
