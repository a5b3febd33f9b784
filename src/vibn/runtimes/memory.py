"""A runtime for tests, ours and those of users: no isolation at all.

What a box is lives in memory, and a box costs no process and no file until the first ``connect``:
thousands are fine. Its operations are real: ``connect`` starts the real agent as a child process
on a directory of this host, with the caller's user and all that it may. ``close`` ends every
process and removes every temporary file that this object made.

Tests say what goes wrong by ``fail_next``, ``kill``, ``run_out_of_memory`` and ``remove_by_hand``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vibn.errors import AgentLost, BoxAbsent, BoxFailed, Conflict, Unsupported, VibnError
from vibn.models import (
    Address,
    BoxRef,
    BoxSpec,
    Capabilities,
    EventKind,
    Finding,
    OwnedBox,
    RuntimeEvent,
    RuntimeState,
    RuntimeStatus,
    Severity,
)
from vibn.runtimes import zipapp
from vibn.runtimes.processes import Process
from vibn.runtimes.sockets import dial

CONNECT_WITHIN = 10.0
_LIMITS = ("cpus", "memory", "disk", "pids", "log")
_INHERITED = (
    *("PATH", "TMPDIR", "TZ", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"),
    *("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "npm_config_cafile"),
)
"""What commands get of our environment; the rest may hold secrets."""


@dataclass(slots=True)
class _Box:
    spec: BoxSpec
    handle: str
    created_at: datetime
    state: RuntimeState = RuntimeState.STOPPED
    reason: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: datetime | None = None
    agent: subprocess.Popen[bytes] | None = None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def up(self) -> bool:
        return self.state in (RuntimeState.RUNNING, RuntimeState.FROZEN)


class MemoryRuntime:
    """``directory`` holds the boxes' files, ``ID/workspace`` and so on; without it they are
    temporary."""

    name = "memory"
    capabilities = Capabilities(
        freeze=True,
        root=False,
        address=False,
        own_network=False,
        disk_limit=False,
        isolation="none: commands run as you, on this host",
    )

    def __init__(self, directory: Path | None = None) -> None:
        self._boxes: dict[str, _Box] = {}
        self._volumes: dict[str, datetime] = {}
        self._directory = directory
        self._temporary: Path | None = None
        self._watchers: set[asyncio.Queue[RuntimeEvent]] = set()
        self._failures: dict[str, deque[VibnError]] = defaultdict(deque)

    # What goes wrong, for tests

    def fail_next(self, verb: str, error: VibnError, times: int = 1) -> None:
        """The next ``times`` calls of ``verb`` (``"start"``, ``"connect"``, ...) raise ``error``
        before they do anything."""
        self._failures[verb].extend([error] * times)

    async def kill(self, box_id: str, exit_code: int = 137) -> None:
        """The main process of a box ends by itself: ``DIED``, then ``stopped``."""
        box = self._boxes[box_id]
        await self._halt(box, f"Its main process ended with {exit_code}.", exit_code)
        self._tell(EventKind.DIED, box, exit_code)

    async def run_out_of_memory(self, box_id: str) -> None:
        """As ``kill``, for want of memory: ``OOM`` first."""
        self._tell(EventKind.OOM, self._boxes[box_id])
        await self.kill(box_id)
        self._boxes[box_id].oom_killed = True

    async def remove_by_hand(self, box_id: str) -> None:
        """The container vanishes; its volumes stay."""
        box = self._boxes.pop(box_id)
        await self._halt(box)
        self._tell(EventKind.REMOVED, box)

    # The contract

    async def create(self, spec: BoxSpec) -> str:
        await self._enter("create")
        now = datetime.now(UTC)
        box = self._boxes.get(spec.box_id)
        if box is None:
            box = self._boxes[spec.box_id] = _Box(spec, secrets.token_hex(16), now)
            self._volumes.setdefault(spec.box_id, now)
        if spec.start:
            await self._wake(box)
        return box.handle

    async def start(self, ref: BoxRef) -> None:
        await self._enter("start")
        await self._wake(self._find(ref))

    async def stop(self, ref: BoxRef, grace: float = 10.0) -> None:
        await self._enter("stop")
        box = self._find(ref)
        if box.up():
            await self._halt(box, grace=grace)
            self._tell(EventKind.STOPPED, box)

    async def freeze(self, ref: BoxRef) -> None:
        await self._enter("freeze")
        box = self._find(ref)
        if not box.up():
            raise Conflict("The box does not run, so it cannot be frozen.")
        box.state = RuntimeState.FROZEN
        for process in _tree(box):
            process.send(signal.SIGSTOP)

    async def thaw(self, ref: BoxRef) -> None:
        await self._enter("thaw")
        box = self._find(ref)
        if box.state is RuntimeState.FROZEN:
            _let_go_on(box)

    async def remove(self, ref: BoxRef, volumes: bool = False) -> None:
        await self._enter("remove")
        box = self._boxes.pop(ref.box_id, None)
        if box is not None:
            await self._halt(box, grace=0.0)
            self._tell(EventKind.REMOVED, box)
        if volumes:
            self._volumes.pop(ref.box_id, None)
            await asyncio.to_thread(shutil.rmtree, self._files(ref.box_id), ignore_errors=True)

    async def status(self, ref: BoxRef) -> RuntimeStatus:
        await self._enter("status")
        try:
            box = self._find(ref)
        except BoxAbsent:
            return RuntimeStatus(RuntimeState.ABSENT)
        return RuntimeStatus(
            box.state,
            box.reason,
            oom_killed=box.oom_killed,
            exit_code=box.exit_code,
            started_at=box.started_at,
            image=box.spec.image,
            unapplied=_LIMITS,
        )

    async def connect(self, ref: BoxRef, user: str = "vibn") -> socket.socket:
        await self._enter("connect")
        box = self._find(ref)
        if user != "vibn":
            raise Unsupported("This runtime has no root inside a box.")
        if box.state is not RuntimeState.RUNNING:
            raise AgentLost(f"The box is {box.state}; nothing answers.", hint="Resume it first.")
        deadline = asyncio.get_running_loop().time() + CONNECT_WITHIN
        async with box.starting:
            if box.agent is None or box.agent.poll() is not None:
                self._private()  # here, not in the threads of two boxes at once
                box.agent = await asyncio.to_thread(self._start_agent, box.spec)
        if self._boxes.get(ref.box_id) is not box or not box.up():
            # It was stopped or removed while its agent started.
            await self._halt(box, grace=0.0)
            raise AgentLost("The box was stopped.")
        return await dial(self._socket(ref.box_id), deadline)

    async def address(self, ref: BoxRef, port: int) -> Address | None:  # noqa: ARG002
        await self._enter("address")
        self._find(ref)
        return None

    async def list(self) -> Sequence[OwnedBox]:
        await self._enter("list")
        return [self._owned(box_id) for box_id in sorted(self._volumes | self._boxes)]

    async def watch(self) -> AsyncIterator[RuntimeEvent]:
        queue: asyncio.Queue[RuntimeEvent] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)

    async def check(self) -> Sequence[Finding]:
        return [
            Finding(
                Severity.WARNING,
                "memory runtime",
                "boxes are not isolated and are forgotten when this process ends",
                "use it in tests only; set VIBN_RUNTIME=bubblewrap or VIBN_RUNTIME=docker",
            )
        ]

    async def close(self) -> None:
        for box in self._boxes.values():
            await self._halt(box, grace=0.0)
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)
            self._temporary = None

    # Inside

    async def _enter(self, verb: str) -> None:
        await asyncio.sleep(0)
        if self._failures[verb]:
            raise self._failures[verb].popleft()

    def _find(self, ref: BoxRef) -> _Box:
        box = self._boxes.get(ref.box_id)
        if box is None or (ref.handle and ref.handle != box.handle):
            raise BoxAbsent(f"There is no container for the box {ref.box_id}.")
        return box

    async def _wake(self, box: _Box) -> None:
        if box.state is RuntimeState.FROZEN:
            _let_go_on(box)
        elif box.state is not RuntimeState.RUNNING:
            box.state, box.reason, box.exit_code = RuntimeState.RUNNING, "", None
            box.oom_killed, box.started_at = False, datetime.now(UTC)
            self._tell(EventKind.STARTED, box)

    async def _halt(
        self, box: _Box, reason: str = "", exit_code: int | None = None, grace: float = 0.0
    ) -> None:
        """End the agent and all below it; the box is stopped."""
        if box.state is RuntimeState.FROZEN:
            _let_go_on(box)
        box.state, box.reason, box.exit_code = RuntimeState.STOPPED, reason, exit_code
        agent, box.agent = box.agent, None
        if agent is not None:
            await asyncio.shield(asyncio.to_thread(_end, agent, grace))

    def _tell(self, kind: EventKind, box: _Box, exit_code: int | None = None) -> None:
        ref = BoxRef(box.spec.box_id, box.handle)
        for queue in self._watchers:
            queue.put_nowait(RuntimeEvent(kind, ref, exit_code))

    def _owned(self, box_id: str) -> OwnedBox:
        box = self._boxes.get(box_id)
        if box is None:
            made = self._volumes[box_id]
            return OwnedBox(BoxRef(box_id, ""), RuntimeState.ABSENT, "", made, False)
        return OwnedBox(BoxRef(box_id, box.handle), box.state, box.spec.image, box.created_at)

    def _files(self, box_id: str) -> Path:
        return (self._directory or self._private() / "boxes") / box_id

    def _socket(self, box_id: str) -> Path:
        # Never beneath ``directory``: a socket's path has at most 107 bytes.
        return self._private() / hashlib.sha256(box_id.encode()).hexdigest()[:16] / "agent.sock"

    def _private(self) -> Path:
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="vibn-"))
        return self._temporary

    def _start_agent(self, spec: BoxSpec) -> subprocess.Popen[bytes]:
        files, place = self._files(spec.box_id), self._socket(spec.box_id)
        for directory in (files / "workspace", files / "home", place.parent):
            directory.mkdir(parents=True, exist_ok=True)
        python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
        agent = zipapp.build(_agents(), python)
        return subprocess.Popen(
            [
                *(python, "-I", "-S", str(agent), "serve", "--socket", str(place)),
                *("--workspace", str(files / "workspace"), "--state", str(files / "state")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=_environment(spec, files / "home"),
            cwd="/",
            start_new_session=True,
        )


def _environment(spec: BoxSpec, home: Path) -> Mapping[str, str]:
    found = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    found |= {"HOME": str(home), "LANG": "C.UTF-8", **spec.env}
    return found | {"VIBN_PROJECT_SLUG": spec.project, "VIBN_DEV_CONTAINER": "1"}


def _agents() -> Path:
    """Where this user's memory runtimes share the agent's file, so that it is built once."""
    place = Path(tempfile.gettempdir()) / f"vibn-agent-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise BoxFailed(f"{place} is not a directory of yours alone.", hint=f"FIX: rm -r {place}")
    return place


def _tree(box: _Box) -> Sequence[Process]:
    """The agent's processes; the agent itself last, because it is the others' parent."""
    if box.agent is None:
        return ()
    agent = Process.find(box.agent.pid)
    return () if agent is None else (*agent.descendants(), agent)


def _let_go_on(box: _Box) -> None:
    box.state = RuntimeState.RUNNING
    for process in _tree(box):
        process.send(signal.SIGCONT)


def _end(agent: subprocess.Popen[bytes], grace: float) -> None:
    """TERM to the agent, which ends its jobs; KILL to what is left after ``grace`` seconds."""
    process = Process.find(agent.pid)
    below = [] if process is None else list(process.descendants())
    if grace > 0:
        agent.terminate()
        try:
            agent.wait(grace)
        except subprocess.TimeoutExpired:
            below = [] if process is None else list(process.descendants())
    agent.kill()
    agent.wait()
    for child in below:
        child.send(signal.SIGKILL)
