"""The contract of ``runtimes/base.py`` on a Docker Engine."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import tarfile
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import aiodocker
from aiodocker.containers import DockerContainer

from vibn.config import Settings
from vibn.errors import BoxAbsent, BoxFailed, Conflict, VibnError
from vibn.models import (
    Address,
    BoxRef,
    BoxSpec,
    Capabilities,
    Finding,
    OwnedBox,
    RuntimeEvent,
    RuntimeState,
    RuntimeStatus,
)
from vibn.runtimes.docker import disk, events, findings, guard, layer, rundir, spec
from vibn.runtimes.docker.agentlink import AgentLink
from vibn.runtimes.docker.engine import Engine, engine_url
from vibn.runtimes.docker.host import AGENT_IN_BOX, CA_IN_BOX, Host
from vibn.runtimes.docker.locality import Locality
from vibn.runtimes.docker.networks import Networks
from vibn.runtimes.docker.owned import BOX, INSTALLATION, PROJECT, WORKSPACE, Owner, by_installation
from vibn.runtimes.docker.status import state_of, status_of
from vibn.runtimes.docker.storage import Storage

START_DEADLINE = 60.0
_S = TypeVar("_S")
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class DockerRuntime:
    name = "docker"

    def __init__(self, settings: Settings, installation: str, url: str = "") -> None:
        self._settings = settings
        self._installation = installation
        self._engine = Engine(url or engine_url())
        self._host = Host(settings)
        self._locality = Locality(self._engine, self._host, installation, settings.docker_agent)
        self._networks = Networks(self._engine, settings.docker_subnets)
        self._storage = Storage(self._engine, self._host)
        self._link = AgentLink(self._engine, self._host, settings.docker_agent)
        self._settled = False
        own_kernel = settings.docker_runtime in ("runsc", "kata", "kata-runtime")
        self.capabilities = Capabilities(
            freeze=True,
            root=True,
            address=self._engine.local,
            own_network=True,
            disk_limit=self._engine.local and not disk.missing(),
            isolation=(
                f"containers under {settings.docker_runtime}, each with a kernel of its own"
                if own_kernel
                else "containers with few capabilities; they share the host's kernel"
            ),
        )

    # Making and removing

    async def create(self, spec: BoxSpec) -> str:
        await self._settle()
        owner = Owner(self._installation, spec.box_id)
        async with self._host.runs.starting(spec.box_id):
            found = await self._show(owner.container)
            if found is None:
                handle = await self._make(owner, spec)
                if spec.start:
                    await self._run(owner, BoxRef(spec.box_id, handle))
                return handle
        handle = str(_ours(owner, found)["Id"])
        if spec.start:
            await self.start(BoxRef(spec.box_id, handle))
        return handle

    async def _make(self, owner: Owner, box: BoxSpec) -> str:
        shared = await self._locality.shared(box.image)
        info = await self._engine.info()
        unguarded, unlimited = await _both(
            self._lay_network(owner, box), self._storage.ensure(owner, box, shared)
        )
        lent = await asyncio.to_thread(self._lend, owner, shared, not unlimited)
        held = shared and layer.limited(info)
        ca = await asyncio.to_thread(self._host.ca)
        config = spec.container(
            owner,
            box,
            lent,
            has_ca=ca is not None,
            host_cpus=int(info.get("NCPU", 1)),
            oci_runtime=self._settings.docker_runtime,
            layer_limited=held,
            unapplied=(*unlimited, *unguarded, *(() if held else (layer.UNHELD,))),
        )
        async with self._engine.call("make the box", START_DEADLINE) as client:
            made = await self._container(client, owner, config)
            if not shared:
                untyped: Any = made
                await untyped.put_archive("/", await asyncio.to_thread(self._package))
            return str(made.id)

    async def _container(
        self, client: aiodocker.Docker, owner: Owner, config: dict[str, Any]
    ) -> DockerContainer:
        """The new container, or the one that another hand made under its name."""
        while True:
            try:
                return await client.containers.create(config, name=owner.container)
            except aiodocker.DockerError as exc:
                if exc.status != 409:
                    raise
            found = await self._show(owner.container)
            if found is not None:
                return DockerContainer(client, id=_ours(owner, found)["Id"])
            # The name is taken before the container can be looked at.
            await asyncio.sleep(0.05)

    async def _lay_network(self, owner: Owner, box: BoxSpec) -> tuple[str, ...]:
        """The box's network, under the guard. Returns what could not be applied."""
        await self._networks.ensure(owner, box)
        return await self._guard(owner)

    async def _guard(self, owner: Owner) -> tuple[str, ...]:
        if not self._settings.network_guard:
            return ()
        # The bridge among our interfaces proves that the engine's firewall is this host's.
        if guard.missing() or not guard.bridge_here(owner.bridge):
            return ("network guard",)
        try:
            await asyncio.to_thread(guard.ensure)
        except guard.GuardFailed as exc:
            _log.warning("the network guard could not be applied: %s", exc)
            return ("network guard",)
        return ()

    def _lend(self, owner: Owner, shared: bool, on_image: bool) -> spec.Lent:
        if not shared:
            return spec.Lent()
        by_socket = self._settings.docker_agent != "relay"
        run = self._host.runs.renew(owner.box_id) if by_socket else None
        temporary = self._host.temporary(owner.box_id) if on_image else ()
        return spec.Lent(self._host.agent(), run, self._host.ca(), temporary)

    def _package(self) -> bytes:
        """The agent's file and the CA bundle as a tar, for an engine that cannot mount them."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, name in ((self._host.agent(), AGENT_IN_BOX), (self._host.ca(), CA_IN_BOX)):
                if path is not None:
                    entry = tarfile.TarInfo(name.removeprefix("/"))
                    content = path.read_bytes()
                    entry.size, entry.mode = len(content), 0o644
                    tar.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()

    async def remove(self, ref: BoxRef, volumes: bool = False) -> None:
        owner = Owner(self._installation, ref.box_id)
        for name in dict.fromkeys((ref.handle, owner.container)):
            found = await self._show(name) if name else None
            if found is not None and owner.owns(found["Config"].get("Labels")):
                async with self._engine.call("remove the box", START_DEADLINE) as client:
                    container = DockerContainer(client, id=found["Id"])
                    await _without(404, 409, container.delete(force=True))
                    await _until_gone(client, found["Id"])
        await asyncio.to_thread(self._host.runs.remove, ref.box_id)
        await self._networks.remove(owner)
        if self._settings.network_guard and not guard.missing():
            try:
                await asyncio.to_thread(guard.remove_if_unused)
            except guard.GuardFailed as exc:
                _log.warning("the network guard could not be removed: %s", exc)
        if volumes:
            await self._storage.remove(owner)

    # Its life

    async def start(self, ref: BoxRef) -> None:
        found = await self._find(ref)
        state = state_of(found["State"]["Status"])
        if state is RuntimeState.FROZEN:
            await self.thaw(ref)
        elif state is not RuntimeState.RUNNING:
            async with self._host.runs.starting(ref.box_id):
                await self._start(ref)

    async def _start(self, ref: BoxRef) -> None:
        found = await self._find(ref)
        if state_of(found["State"]["Status"]) in (RuntimeState.RUNNING, RuntimeState.FROZEN):
            return  # another hand was faster
        owner = Owner(self._installation, ref.box_id)
        await _both(self._guard(owner), asyncio.to_thread(self._bring, ref.box_id, found))
        await self._run(owner, BoxRef(ref.box_id, found["Id"]))

    async def _run(self, owner: Owner, ref: BoxRef) -> None:
        """Start a container whose guard and files are in place."""
        await asyncio.to_thread(self._host.disks.keep_running, ref.box_id, True)
        async with self._engine.call("start the box", START_DEADLINE) as client:
            container = DockerContainer(client, id=ref.handle)
            try:
                await container.start()
            except aiodocker.DockerError as exc:
                if "network" not in exc.message or "not found" not in exc.message:
                    raise _failed(exc, ref) from exc
                # `docker network prune` takes the networks of stopped containers.
                await self._networks.ensure(owner, _spec_of(await container.show()))
                await self._guard(owner)
                try:
                    await self._networks.join(owner, ref.handle)
                    await container.start()
                except aiodocker.DockerError as again:
                    raise _failed(again, ref) from again

    def _bring(self, box_id: str, container: dict[str, Any]) -> None:
        """What the box mounts of ours is there again, and of this version."""
        self._host.disks.remount(box_id)
        lent = rundir.binds(container)
        # The engine may be starting a restarting one in this very moment.
        if rundir.RUN_IN_BOX in lent and not container["State"].get("Restarting"):
            self._host.runs.renew_source(box_id, lent[rundir.RUN_IN_BOX])
        if AGENT_IN_BOX in lent:
            self._host.agent()
            self._host.ca()

    async def stop(self, ref: BoxRef, grace: float = 10.0) -> None:
        found = await self._find(ref)
        async with self._engine.call("stop the box", grace + 30) as client:
            container = DockerContainer(client, id=found["Id"])
            if found["State"]["Status"] == "paused":
                await _without(404, 409, container.unpause())
            await container.stop(t=spec.stop_grace(grace))
        await asyncio.to_thread(self._host.disks.keep_running, ref.box_id, False)

    async def freeze(self, ref: BoxRef) -> None:
        found = await self._find(ref)
        if found["State"]["Status"] == "paused":
            return
        async with self._engine.call("freeze the box") as client:
            try:
                await DockerContainer(client, id=found["Id"]).pause()
            except aiodocker.DockerError as exc:
                if "already paused" in exc.message:
                    return
                if exc.status in (409, 500) and "not running" in exc.message:
                    raise Conflict("The box does not run, so it cannot be frozen.") from exc
                raise

    async def thaw(self, ref: BoxRef) -> None:
        found = await self._find(ref)
        if found["State"]["Status"] != "paused":
            return
        async with self._engine.call("thaw the box") as client:
            try:
                await DockerContainer(client, id=found["Id"]).unpause()
            except aiodocker.DockerError as exc:
                if "not paused" not in exc.message:
                    raise

    # Looking

    async def status(self, ref: BoxRef) -> RuntimeStatus:
        try:
            found = await self._find(ref)
        except BoxAbsent:
            return RuntimeStatus(RuntimeState.ABSENT)
        status = status_of(found, await self._engine.info())
        if status.oom_killed or status.started_at is None:
            return status
        if await events.ran_out_of_memory(self._engine, found["Id"], status.started_at):
            return replace(status, oom_killed=True)
        return status

    async def connect(self, ref: BoxRef, user: str = "vibn") -> socket.socket:
        return await self._link.connect(ref, await self._find(ref), user)

    async def address(self, ref: BoxRef, port: int) -> Address | None:
        found = await self._find(ref)
        owner = Owner(self._installation, ref.box_id)
        if not self.capabilities.address or found["State"]["Status"] != "running":
            return None
        # The bridge among our interfaces proves that this host has the way to the box.
        if not guard.bridge_here(owner.bridge):
            return None
        attached = (found.get("NetworkSettings") or {}).get("Networks") or {}
        host = (attached.get(owner.network) or {}).get("IPAddress", "")
        return Address(host, port) if host else None

    async def list(self) -> Sequence[OwnedBox]:
        await self._settle()
        async with self._engine.call("list the boxes") as client:
            filters = by_installation(self._installation)
            containers = await client.containers.list(all="true", filters=filters)
            untyped: Any = client.volumes
            mine = {"label": f"{INSTALLATION}={self._installation}"}
            volumes = await untyped.list(filters=mine)
        owned = [_owned_box(container._container) for container in containers]
        boxes = {box.ref.box_id: box for box in owned if box is not None}
        for volume in volumes.get("Volumes") or ():
            box_id = (volume.get("Labels") or {}).get(BOX, "")
            if box_id and box_id not in boxes:
                ref = BoxRef(box_id, "")
                boxes[box_id] = OwnedBox(ref, RuntimeState.ABSENT, "", has_container=False)
        return list(boxes.values())

    async def watch(self) -> AsyncIterator[RuntimeEvent]:
        async for event in events.watch(self._engine, self._installation, self._back):
            yield event

    async def check(self) -> Sequence[Finding]:
        return await findings.findings(self._engine, self._settings)

    async def close(self) -> None:
        await self._link.close()
        await self._engine.close()

    # After a restart of the host or of the engine

    async def _back(self) -> None:
        self._settled = False
        try:
            await self._settle()
        except VibnError as exc:
            _log.warning("boxes could not be brought back yet: %s", exc)

    async def _settle(self) -> None:
        """Mount the disk images that a reboot left, and start the boxes that the engine could
        not start for want of them. Once, and after each gap in the events."""
        if self._settled:
            return
        if self._settings.network_guard and not guard.missing() and guard.any_bridge():
            try:
                await asyncio.to_thread(guard.ensure)
            except guard.GuardFailed as exc:
                _log.warning("the network guard could not be applied: %s", exc)
        unmounted = (*self._host.disks.unmounted(), *self._host.runs.unmounted())
        for box_id in dict.fromkeys(unmounted):
            found = await self._show(Owner(self._installation, box_id).container)
            if found is None or not Owner(self._installation, box_id).owns(
                found["Config"].get("Labels")
            ):
                continue
            await asyncio.to_thread(self._host.disks.remount, box_id)
            if self._host.disks.ran(box_id):
                await self.start(BoxRef(box_id, found["Id"]))
        self._settled = True

    # Finding

    async def _show(self, name: str) -> dict[str, Any] | None:
        async with self._engine.call("look at the box") as client:
            try:
                return await DockerContainer(client, id=name).show()
            except aiodocker.DockerError as exc:
                if exc.status == 404:
                    return None
                raise

    async def _find(self, ref: BoxRef) -> dict[str, Any]:
        """The engine's inspection of the box, once its labels name it. Raises BoxAbsent."""
        owner = Owner(self._installation, ref.box_id)
        found = await self._show(ref.handle or owner.container)
        if found is None or not owner.owns(found["Config"].get("Labels")):
            raise BoxAbsent(f"There is no container for the box {ref.box_id}.")
        if found["State"]["Status"] == "removing":
            raise BoxAbsent(f"The container of the box {ref.box_id} is being removed.")
        return found


def _ours(owner: Owner, found: dict[str, Any]) -> dict[str, Any]:
    if owner.owns(found["Config"].get("Labels")):
        return found
    raise Conflict(
        f"A container named {owner.container} exists and is not ours.",
        hint=f"Look at it with `docker inspect {owner.container}`.",
    )


def _owned_box(container: dict[str, Any]) -> OwnedBox | None:
    box_id = (container.get("Labels") or {}).get(BOX, "")
    if not box_id:
        return None
    return OwnedBox(
        ref=BoxRef(box_id, str(container["Id"])),
        state=state_of(str(container.get("State", ""))),
        image=str(container.get("Image", "")),
        created_at=datetime.fromtimestamp(int(container.get("Created", 0)), UTC),
    )


def _spec_of(container: dict[str, Any]) -> BoxSpec:
    """The parts of a box's spec that its labels keep."""
    labels = container["Config"]["Labels"]
    return BoxSpec(
        box_id=labels[BOX],
        project=labels.get(PROJECT, ""),
        workspace=labels.get(WORKSPACE, ""),
        image=container["Config"]["Image"],
    )


def _failed(exc: aiodocker.DockerError, ref: BoxRef) -> VibnError:
    if exc.status == 404 and "no such container" in exc.message.lower():
        return BoxAbsent(f"There is no container for the box {ref.box_id}.")
    return BoxFailed(f"The engine could not start the box: {exc.message}")


async def _both(one: Awaitable[_T], other: Awaitable[_S]) -> tuple[_T, _S]:
    """Both answers, or the first error once both have ended: nothing goes on behind it."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    for outcome in (first, second):
        if isinstance(outcome, BaseException):
            raise outcome
    return cast("_T", first), cast("_S", second)


async def _without(*args: Any) -> None:
    """Await the last argument; the engine's statuses before it are no error."""
    *statuses, call = args
    try:
        await call
    except aiodocker.DockerError as exc:
        if exc.status not in statuses:
            raise


async def _until_gone(client: aiodocker.Docker, handle: str) -> None:
    """Wait for a removal that another hand began."""
    while True:
        try:
            await DockerContainer(client, id=handle).show()
        except aiodocker.DockerError as exc:
            if exc.status == 404:
                return
            raise
        await asyncio.sleep(0.05)
