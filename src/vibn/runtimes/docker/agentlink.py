"""The way to the agent in a box: its socket where this host has it, else the relay."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiodocker.containers import DockerContainer

from vibn.errors import AgentLost, BoxFailed, Conflict, VibnError
from vibn.models import BoxRef, RuntimeState
from vibn.runtimes.docker import rundir, spec
from vibn.runtimes.docker.disk import UID
from vibn.runtimes.docker.engine import Engine
from vibn.runtimes.docker.host import Host
from vibn.runtimes.docker.owned import AGENT
from vibn.runtimes.docker.relay import Relays
from vibn.runtimes.docker.status import state_of
from vibn.runtimes.sockets import dial

PATIENCE = 10.0
"""How long a box that is still starting is waited for, in seconds."""
SOCKET_ALONE = 2.0
"""After so many seconds without an answer on the socket the relay is tried as well: the socket's
directory is not the box's when the control plane runs in a container of its own."""
PAUSE = 0.05


class AgentLink:
    def __init__(self, engine: Engine, host: Host, forced: str) -> None:
        self._engine = engine
        self._host = host
        self._forced = forced
        self._relays = Relays()

    async def connect(self, ref: BoxRef, container: dict[str, Any], user: str) -> socket.socket:
        """See ``Runtime.connect``; ``container`` is the engine's inspection of the box."""
        state = state_of(container["State"]["Status"])
        if state not in (RuntimeState.RUNNING, RuntimeState.STARTING):
            raise AgentLost(f"The box is {state}; nothing in it answers.", hint="Resume it first.")
        until = asyncio.get_running_loop().time() + PATIENCE
        if user == "root":
            return await self._relay(container, spec.ROOT, "0:0", until)
        labels = container["Config"].get("Labels") or {}
        if self._forced == "relay" or labels.get(AGENT) != "socket":
            return await self._relay(container, spec.RELAY, f"{UID}:{UID}", until)
        lent = rundir.binds(container).get(rundir.RUN_IN_BOX)
        path = (lent or self._host.runs.path(ref.box_id)) / "agent.sock"
        if self._forced == "socket":
            return await dial(path, until)
        return await self._either(container, path, until)

    async def _either(self, container: dict[str, Any], path: Path, until: float) -> socket.socket:
        patient = until - PATIENCE + SOCKET_ALONE
        while True:
            with suppress(AgentLost):
                return await dial(path, patient)
            try:
                return await self._relay(container, spec.RELAY, f"{UID}:{UID}", 0)
            except AgentLost:
                if asyncio.get_running_loop().time() > until:
                    raise
            patient = 0

    async def _relay(
        self, container: dict[str, Any], command: tuple[str, ...], user: str, until: float
    ) -> socket.socket:
        """Open the relay, at least once, and until then again while the agent is starting."""
        environment = {"HOME": "/root", "USER": "root", "LOGNAME": "root"}
        while True:
            try:
                async with self._engine.call("reach the agent", PATIENCE + 5) as client:
                    box = DockerContainer(client, id=container["Id"])
                    return await self._relays.open(
                        box, command, user, environment if command == spec.ROOT else None
                    )
            except (AgentLost, BoxFailed, Conflict) as exc:
                if asyncio.get_running_loop().time() + PAUSE > until:
                    raise _lost(exc) from exc
                await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        await self._relays.close()


def _lost(exc: VibnError) -> AgentLost:
    return exc if isinstance(exc, AgentLost) else AgentLost(exc.message)
