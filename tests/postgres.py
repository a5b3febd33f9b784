"""A private PostgreSQL server for tests: on a Unix socket in a directory of its own.

Servers refuse to run as root, so root hands over to ``postgres`` or ``nobody``. The server dies
with the test process, however that ends.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

NEEDED = ("initdb", "postgres", "pg_isready", "createdb", "dropdb")


def programs() -> Path | None:
    """The directory of the server's programs, which is not on PATH in Debian."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    on_path = [Path(p).parent for p in [shutil.which("initdb")] if p]
    places = [*reversed(debian), *on_path]
    return next((p for p in places if all((p / name).exists() for name in NEEDED)), None)


def _account() -> pwd.struct_passwd:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


class PostgresServer:
    """``start`` and ``stop`` may be repeated; ``remove`` ends it for good."""

    def __init__(self, bin: Path) -> None:
        self._bin = bin
        self._account = _account()
        self.directory = Path(tempfile.mkdtemp(prefix="vibn-pg-", dir="/tmp"))
        os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self._data, "-U", "vibn", "-A", "trust", "-N", "-E", "UTF8")

    @property
    def _data(self) -> str:
        return str(self.directory / "data")

    def start(self) -> None:
        options = {"listen_addresses": "", "unix_socket_directories": str(self.directory)}
        options |= {"fsync": "off", "synchronous_commit": "off", "shared_buffers": "32MB"}
        flags = [f"-c{name}={value}" for name, value in options.items()]
        with (self.directory / "log").open("ab") as log:
            command = self._command("postgres", "-D", self._data, *flags)
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.directory / "log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Clients are cut off, as when a server is restarted by its operator."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"t{secrets.token_hex(6)}"
        self._run("createdb", "-h", str(self.directory), "-U", "vibn", name)
        return self.url(name)

    def drop(self, url: str) -> None:
        name = url.rpartition("?")[0].rpartition("/")[2]
        self._run("dropdb", "--force", "-h", str(self.directory), "-U", "vibn", name)

    def url(self, name: str) -> str:
        return f"postgresql://vibn@/{name}?host={self.directory}"

    def _answers(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", str(self.directory), "-d", "postgres"]
        return subprocess.run(command, timeout=10).returncode == 0

    def _run(self, program: str, *args: str) -> None:
        command = self._command(program, *args)
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")

    def _command(self, program: str, *args: str) -> list[str]:
        command = [str(self._bin / program), *args]
        if shutil.which("setpriv"):
            prefix = ["setpriv", "--pdeathsig", "INT"]
            if os.geteuid() == 0:
                uid, gid = str(self._account.pw_uid), str(self._account.pw_gid)
                prefix += ["--reuid", uid, "--regid", gid, "--clear-groups"]
            return [*prefix, *command]
        if os.geteuid() == 0:
            return ["runuser", "-u", self._account.pw_name, "--", *command]
        return command


def _server() -> Iterator[PostgresServer]:
    bin = programs()
    if bin is None:
        pytest.skip("PostgreSQL's server programs are not installed (apt install postgresql)")
    server = PostgresServer(bin)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole session: make databases in it, never stop it."""
    yield from _server()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server of this test alone, to stop and start."""
    yield from _server()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database, dropped afterwards."""
    url = postgres_server.new_database()
    yield url
    postgres_server.drop(url)
