"""The two volumes of a box, ``workspace`` and ``cache``: kept until someone says otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import aiodocker
from aiodocker.volumes import DockerVolume as _UntypedVolume

from vibn.errors import Conflict
from vibn.models import BoxSpec
from vibn.runtimes.docker import disk
from vibn.runtimes.docker.engine import Engine
from vibn.runtimes.docker.host import Host
from vibn.runtimes.docker.owned import ROLE, Owner

ROLES: Mapping[str, str] = {"workspace": "/workspace", "cache": "/home/vibn/.cache"}
"""Each volume's role, and where it is in the box."""

DockerVolume: Any = _UntypedVolume  # the client leaves its methods untyped

_log = logging.getLogger(__name__)


class Storage:
    def __init__(self, engine: Engine, host: Host) -> None:
        self._engine = engine
        self._host = host

    async def ensure(self, owner: Owner, spec: BoxSpec, shared: bool) -> tuple[str, ...]:
        """Make the box's volumes, or take up those an earlier container left.

        ``shared`` tells whether the engine sees this host's files: only then can a disk image
        be under the volumes. Returns the limits that could not be applied.
        """
        async with self._engine.call("make volumes", 90) as client:
            there = await show(client, owner.volume("workspace"))
            if there is not None:
                _check(owner, there)
            limited = await self._lay(owner, spec, there) if shared else False
            for role in ROLES:
                config = self._config(owner, spec, role, limited)
                volumes: Any = client.volumes
                made = await (await volumes.create(config)).show()
                _check(owner, made)
        return () if limited else ("disk",)

    async def _lay(self, owner: Owner, spec: BoxSpec, there: dict[str, Any] | None) -> bool:
        """Mount the disk image under the volumes, made first for a new box. False without one."""
        disks = self._host.disks
        if there is not None and not _on_image(there):
            return False
        if there is None and disk.missing():
            return False
        try:
            await asyncio.to_thread(disks.ensure, owner.box_id, spec.limits.disk)
        except disk.DiskFailed as exc:
            if there is not None:
                await asyncio.to_thread(disks.remount, owner.box_id)
            _log.warning("no disk limit for box %s: %s", owner.box_id, exc)
            return there is not None
        return True

    def _config(self, owner: Owner, spec: BoxSpec, role: str, limited: bool) -> dict[str, Any]:
        config: dict[str, Any] = {
            "Name": owner.volume(role),
            "Driver": "local",
            "Labels": owner.labels(spec, **{ROLE: role}),
        }
        if limited:
            device = self._host.disks.mountpoint(owner.box_id) / role
            config["DriverOpts"] = {"type": "none", "o": "bind", "device": str(device)}
        return config

    async def remove(self, owner: Owner) -> None:
        """Remove the volumes and what is in them, for good. Foreign ones are left alone."""
        async with self._engine.call("remove volumes", 60) as client:
            for role in ROLES:
                volume = await show(client, owner.volume(role))
                if volume is not None and owner.owns(volume.get("Labels")):
                    try:
                        await DockerVolume(client, owner.volume(role)).delete()
                    except aiodocker.DockerError as exc:
                        if exc.status != 404:
                            raise
        await asyncio.to_thread(self._host.disks.remove, owner.box_id)


async def show(client: aiodocker.Docker, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await DockerVolume(client, name).show()
    except aiodocker.DockerError as exc:
        if exc.status == 404:
            return None
        raise
    return found


def _on_image(volume: dict[str, Any]) -> bool:
    return (volume.get("Options") or {}).get("o") == "bind"


def _check(owner: Owner, volume: dict[str, Any]) -> None:
    if not owner.owns(volume.get("Labels")):
        raise Conflict(
            f"The volume {volume['Name']} exists and is not ours.",
            hint=f"Look at it with `docker volume inspect {volume['Name']}`.",
        )
