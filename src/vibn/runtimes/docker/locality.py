"""Whether the engine sees this host's files: found out by looking, not guessed from its address.

A container that is made and never started gets a directory of ours with a random file in it; the
engine is asked to read that file back. A control plane in a container of its own, or an engine in
a virtual machine, fails it. The answer is kept for this boot (``host.py``).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import tarfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import aiodocker

from vibn.runtimes.docker.engine import Engine
from vibn.runtimes.docker.host import Host
from vibn.runtimes.docker.owned import INSTALLATION, ROLE

PROBE = "/run/vibn-probe"
MADE = "vibn.made"
"""A probe's label: when it was made, in seconds since 1970."""
STALE = 60.0
"""A look at the host's files takes no longer, in seconds; a probe that is older was left."""


class Locality:
    def __init__(self, engine: Engine, host: Host, installation: str, forced: str) -> None:
        self._engine = engine
        self._host = host
        self._installation = installation
        self._known: bool | None = True if forced == "socket" else None
        self._looking = asyncio.Lock()

    async def shared(self, image: str) -> bool:
        """Whether a bind mount shows the engine what we see. ``image`` must be on the engine.

        Only asked of an engine behind a Unix socket: no path of this host is ever given to a
        remote one.
        """
        if self._known is None and not self._engine.local:
            self._known = False
        async with self._looking:
            if self._known is None:
                engine_id = str((await self._engine.info()).get("ID", ""))
                self._known = self._host.remembered(engine_id)
                if self._known is None:
                    self._known = await _to_its_end(self._look(image))
                    self._host.remember(engine_id, self._known)
        return self._known

    async def _look(self, image: str) -> bool:
        token = secrets.token_hex(16)
        directory = self._host.root / "probe"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        marker = directory / token
        marker.write_text(token)
        labels = {INSTALLATION: self._installation, ROLE: "probe", MADE: f"{time.time():.0f}"}
        mount = {"Type": "bind", "Source": str(directory), "Target": PROBE, "ReadOnly": True}
        config: dict[str, Any] = {
            "Image": image,
            "Cmd": ["true"],
            "Labels": labels,
            "NetworkDisabled": True,
            "HostConfig": {"Mounts": [mount], "NetworkMode": "none"},
        }
        try:
            async with self._engine.call("look at this host's files", 60) as client:
                await self._sweep(client)
                try:
                    probe = await client.containers.create(config)
                except aiodocker.DockerError as exc:
                    if "bind source path does not exist" in exc.message:
                        return False
                    raise
                try:
                    with suppress(aiodocker.DockerError), await _archive(probe, token) as tar:
                        member = tar.extractfile(token)
                        return member is not None and member.read() == token.encode()
                    return False
                finally:
                    await probe.delete(force=True)
        finally:
            marker.unlink(missing_ok=True)

    async def _sweep(self, client: aiodocker.Docker) -> None:
        """Remove the probes that a control plane of this installation left when it died."""
        probes = {"label": [f"{INSTALLATION}={self._installation}", f"{ROLE}=probe"]}
        for left in await client.containers.list(all="true", filters=json.dumps(probes)):
            if _made(left) < time.time() - STALE:
                try:
                    await left.delete(force=True)
                except aiodocker.DockerError as exc:
                    if exc.status not in (404, 409):  # another hand removes it
                        raise


async def _to_its_end(look: Coroutine[Any, Any, bool]) -> bool:
    """A cancellation takes effect when the look has ended: the engine makes a container that was
    asked for, and only who waits for it can remove it."""
    looking = asyncio.ensure_future(look)
    try:
        return await asyncio.shield(looking)
    except asyncio.CancelledError:
        await asyncio.wait([looking])
        if not looking.cancelled():
            looking.exception()
        raise


def _made(container: aiodocker.containers.DockerContainer) -> float:
    """When a probe was made, by this host's clock; one that does not say is long past."""
    try:
        return float((container._container.get("Labels") or {}).get(MADE, 0))
    except ValueError:
        return 0.0


async def _archive(probe: aiodocker.containers.DockerContainer, token: str) -> tarfile.TarFile:
    return await probe.get_archive(f"{PROBE}/{token}")
