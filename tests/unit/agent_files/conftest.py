"""A real agent over a workspace of the test's own, and a small client that speaks its frames."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vibn.agent.frames import Decoder, encode

SOURCE = Path(__file__).parents[3] / "src"
PATIENCE = 60.0
PYTHON = os.environ.get("VIBN_TEST_AGENT_PYTHON", sys.executable)
"""The interpreter that the agent runs on; it may be older or newer than ours."""


class Refused(Exception):
    def __init__(self, header: dict[str, Any]) -> None:
        super().__init__(header["code"], header["message"])
        self.code = header["code"]
        self.message = header["message"]
        self.detail = header.get("detail", {})


class Client:
    """Blocking; one request at a time by ``call``, several by ``ask`` and ``answer``."""

    Refused = Refused

    def __init__(self, path: str, root: Path, pid: int) -> None:
        self.root = root
        self.pid = pid
        self._path = path
        self._id = 0
        self._decoder = Decoder()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._frames: list[tuple[dict[str, Any], bytes]] = []
        assert self._next()[0]["t"] == "hello"
        self.send({"t": "hello", "protocol": 1, "version": "0"})

    def again(self) -> Client:
        return Client(self._path, self.root, self.pid)

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        self._socket.sendall(encode(header, body))

    def _next(self, patience: float = PATIENCE) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + patience
        while not self._frames:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise TimeoutError("the agent said nothing")
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the agent closed the connection")
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def ask(self, op: str, args: dict[str, Any], body: bytes = b"") -> int:
        self._id += 1
        self.send({"t": "req", "id": self._id, "op": op, "a": args}, body)
        return self._id

    def frame(self, id: int, patience: float = PATIENCE) -> tuple[dict[str, Any], bytes]:
        while True:
            header, body = self._next(patience)
            if header.get("id") == id:
                if header["t"] == "error":
                    raise Refused(header)
                return header, body

    def answer(self, id: int, sink: bytearray | None = None) -> tuple[dict[str, Any], bytes]:
        """The result of a request; data of its streams goes to ``sink``, and is credited."""
        while True:
            header, body = self.frame(id)
            if header["t"] == "end":
                return header["r"], body
            if header["t"] == "data" and sink is not None:
                sink += body
                self.send({"t": "credit", "id": id, "s": header["s"], "n": len(body)})

    def call(self, op: str, body: bytes = b"", **args: Any) -> dict[str, Any]:
        return self.both(op, body, **args)[0]

    def both(self, op: str, body: bytes = b"", **args: Any) -> tuple[dict[str, Any], bytes]:
        return self.answer(self.ask(op, args, body))

    def stream(self, op: str, content: bytes, **args: Any) -> dict[str, Any]:
        """A request whose stream ``in`` is ``content``, sent as credit allows."""
        id = self.ask(op, args)
        credit = 256 * 1024
        at = 0
        while at < len(content):
            while credit <= 0:
                header, _ = self.frame(id)
                assert header["t"] == "credit", header
                credit += header["n"]
            piece = content[at : at + min(65536, credit)]
            self.send({"t": "data", "id": id, "s": "in"}, piece)
            credit -= len(piece)
            at += len(piece)
        self.send({"t": "eof", "id": id, "s": "in"})
        return self.answer(id)[0]

    def refuses(self, op: str, code: str, body: bytes = b"", **args: Any) -> dict[str, Any]:
        """The detail of the error that the call must end with."""
        with pytest.raises(Refused) as caught:
            self.both(op, body, **args)
        assert caught.value.code == code, caught.value
        return caught.value.detail

    def plant(self, files: dict[str, str | bytes]) -> None:
        """Make files, with their directories, in the workspace."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def close(self) -> None:
        self._socket.close()


def start_agent(
    workspace: Path, python: str = PYTHON, env: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], str, tempfile.TemporaryDirectory[str]]:
    # Not the test's own directory: a socket's path has at most 107 bytes.
    place = tempfile.TemporaryDirectory(prefix="vibn-test-")
    path = place.name + "/agent.sock"
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.argv[0] = 'vibn-agent';"
        "from vibn.agent.start import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [
            python,
            "-I",
            "-S",
            "-c",
            code,
            "serve",
            "--socket",
            path,
            "--workspace",
            str(workspace),
            "--state",
            place.name + "/state",
        ],
        env={**os.environ, **(env or {})},
    )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.socket(socket.AF_UNIX).connect(path)
            return process, path, place
        except OSError:
            assert process.poll() is None, "the agent ended at its start"
            time.sleep(0.01)
    raise TimeoutError("the agent did not start")


def client_of(workspace: Path, **how: Any) -> Iterator[Client]:
    process, path, place = start_agent(workspace, **how)
    client = Client(path, workspace, process.pid)
    try:
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(PATIENCE)
        place.cleanup()


@pytest.fixture(scope="session")
def agents() -> Any:
    """Starts a further agent: ``with agents(workspace, python=..., env=...) as client``."""
    return contextmanager(client_of)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root = tmp_path_factory.mktemp("workspace").resolve()
    yield from client_of(root)


@pytest.fixture
def box(shared: Client) -> Iterator[Client]:
    """A client of an agent whose workspace, ``box.root``, is empty."""
    subprocess.run(["find", str(shared.root), "-mindepth", "1", "-delete"], check=True)
    client = shared.again()
    yield client
    client.close()


@pytest.fixture
def root(box: Client) -> Path:
    return box.root
