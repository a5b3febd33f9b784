"""An agent of one's own for each test, started from its zipapp as in a box."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from agent_client import Client, connect

from vibn.runtimes.zipapp import build


def pythons() -> list[str]:
    """The interpreters to test with: this one, and those that VIBN_TEST_PYTHONS names."""
    return [sys.executable, *os.environ.get("VIBN_TEST_PYTHONS", "").split(":")]


@pytest.fixture(scope="session", params=[name for name in pythons() if name])
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def zipapp(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("zipapp"), python)


class Place:
    """A workspace, a state directory and a socket; starts agents on them and ends them."""

    def __init__(self, python: str, zipapp: Path, base: Path) -> None:
        self.python = python
        self.zipapp = zipapp
        self.workspace = base / "workspace"
        self.workspace.mkdir()
        self.state = base / "state"
        self.socket = base / "agent.sock"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.clients: list[Client] = []

    def argv(self, mode: str) -> list[str]:
        options = ["--socket", str(self.socket), "--workspace", str(self.workspace)]
        options += ["--state", str(self.state)]
        return [self.python, "-I", "-S", str(self.zipapp), mode, *options]

    def start(self, mode: str = "serve") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self.argv(mode), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self.processes.append(process)
        return process

    def client(self, hello: bool = True) -> Client:
        client = connect(str(self.socket), hello=hello)
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                _, said = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            assert b"Traceback" not in said, said.decode()


@pytest.fixture
def place(python: str, zipapp: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="vibn-agent-") as base:
        place = Place(python, zipapp, Path(base).resolve())
        try:
            yield place
        finally:
            place.close()


@pytest.fixture
def agent(place: Place) -> subprocess.Popen[bytes]:
    return place.start()


@pytest.fixture
def client(place: Place, agent: subprocess.Popen[bytes]) -> Client:
    return place.client()


Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def until() -> Until:
    """Wait until something holds, at most 20 s."""

    def wait(holds: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process runs (a zombie does not)."""

    def look(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    return look


@pytest.fixture
def end() -> Iterator[Callable[[int], None]]:
    """Kill a process, by id, when the test is over."""
    pids: list[int] = []
    yield pids.append
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
