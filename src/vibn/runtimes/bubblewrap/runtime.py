"""The contract of ``runtimes/base.py`` with bubblewrap: boxes as sandboxed processes of this host.

After a restart of the host boxes are ``stopped``, with their files. ``user="root"`` is
unsupported: a box has one user. Every verb holds the box's lock, which other control planes on
this host respect too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from vibn.config import Settings
from vibn.errors import (
    AgentLost,
    BoxAbsent,
    BoxFailed,
    Conflict,
    RuntimeUnavailable,
    Unsupported,
    VibnError,
)
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
from vibn.runtimes.bubblewrap import (
    ending,
    events,
    findings,
    host,
    identity,
    life,
    places,
    record,
    trees,
    usernet,
    veth,
)
from vibn.runtimes.bubblewrap.cgroups import Group
from vibn.runtimes.bubblewrap.host import Host, Networking
from vibn.runtimes.bubblewrap.life import Life
from vibn.runtimes.bubblewrap.lock import held
from vibn.runtimes.bubblewrap.places import Places
from vibn.runtimes.bubblewrap.record import Record
from vibn.runtimes.bubblewrap.starting import Starter, lend
from vibn.runtimes.bubblewrap.threads import complete
from vibn.runtimes.processes import boot_id
from vibn.runtimes.sockets import dial

CONNECT_WITHIN = 10.0
"""Seconds that ``connect`` waits for a box that is still starting."""
_LIMITS = ("memory", "pids", "cpus", "disk")


class BubblewrapRuntime:
    """``look`` finds out, once, what this host lets us do."""

    name = "bubblewrap"

    def __init__(
        self,
        settings: Settings,
        installation: str,
        look: Callable[[str], Awaitable[Host]] = host.look,
    ) -> None:
        self._settings = settings
        self._installation = installation
        self._base = settings.state_dir.absolute() / "bubblewrap"
        self._certificates = settings.ca_file
        self._look = look
        self._host: Host | None = None
        self._looking = asyncio.Lock()
        self._watch = events.Watch(self._seen)
        self._deleting: set[str] = set()
        """The names in the trash that this object deletes now."""
        own_network = os.geteuid() == 0 or not usernet.missing()
        self.capabilities = Capabilities(
            freeze=True,
            root=False,
            address=os.geteuid() == 0,
            own_network=own_network,
            disk_limit=False,
            isolation=isolation(os.geteuid() == 0, own_network),
        )

    async def create(self, spec: BoxSpec) -> str:
        at = self._at(spec.box_id)
        found = await self._detect()
        async with _alone(at):
            box = record.load_record(at.record)
            if box is not None and box.installation != self._installation:
                raise Conflict(f"The box {spec.box_id} belongs to another installation.")
            if box is None:
                box = await complete(self._make, spec, at, found)
            if spec.start:
                await self._up(box, at)
            return box.handle

    async def start(self, ref: BoxRef) -> None:
        async with self._holding(ref) as (box, at):
            await self._up(box, at)

    async def stop(self, ref: BoxRef, grace: float = 10.0) -> None:
        async with self._holding(ref) as (box, at):
            await self._down(box, at, grace)

    async def freeze(self, ref: BoxRef) -> None:
        async with self._holding(ref) as (box, at):
            process = self._life(at).running()
            if process is None:
                raise Conflict("The box does not run, so it cannot be frozen.")
            group = (await self._starter()).group(box)
            if not ending.is_frozen(process, group):
                await ending.freeze(process, group)

    async def thaw(self, ref: BoxRef) -> None:
        async with self._holding(ref) as (box, at):
            process = self._life(at).running()
            group = (await self._starter()).group(box)
            if process is not None and ending.is_frozen(process, group):
                await ending.thaw(process, group)

    async def remove(self, ref: BoxRef, volumes: bool = False) -> None:
        at = self._at(ref.box_id)
        if not self._base.is_dir():
            return
        async with _alone(at):
            box = record.load_record(at.record)
            if box is not None and box.installation == self._installation:
                await self._down(box, at, 0.0)
                group = (await self._starter()).group(box)
                if group is not None:
                    await complete(group.remove)
                await self._discard(at.box)
            if volumes and self._own_volumes(at):
                await self._discard(at.volumes)
            if not at.box.exists() and not at.volumes.exists():
                at.lock.unlink(missing_ok=True)
        await complete(self._sweep)
        self._watch.nudge()

    async def status(self, ref: BoxRef) -> RuntimeStatus:
        found = await self._detect()
        return self._status(ref, found)

    async def connect(self, ref: BoxRef, user: str = "vibn") -> socket.socket:
        box, at = self._find(ref)
        if user != "vibn":
            raise Unsupported(
                "This runtime has no root inside a box.",
                hint="Use the docker runtime, or install into the home directory.",
            )
        found = self._life(at)
        process = found.running()
        deadline = asyncio.get_running_loop().time() + CONNECT_WITHIN
        while process is None:
            if not found.starting() or asyncio.get_running_loop().time() > deadline:
                raise AgentLost("The box does not run.", hint="Resume it first.")
            await asyncio.sleep(0.005)
            found = self._life(at)
            process = found.running()
        if ending.is_frozen(process, (await self._starter()).group(box)):
            raise AgentLost("The box is frozen; nothing in it answers.", hint="Resume it first.")
        return await dial(at.socket, deadline)

    async def address(self, ref: BoxRef, port: int) -> Address | None:
        _box, at = self._find(ref)
        found = self._life(at)
        if found.running() is None or not found.address:
            return None
        return Address(found.address, port)

    async def list(self) -> Sequence[OwnedBox]:
        found = await self._detect()
        await asyncio.to_thread(self._sweep)
        return await asyncio.to_thread(self._list, found)

    async def watch(self) -> AsyncIterator[RuntimeEvent]:
        await self._detect()
        async for event in self._watch.events():
            yield event

    async def check(self) -> Sequence[Finding]:
        usable = await host.available()
        return findings.findings(usable, await self._detect(), self._settings)

    async def close(self) -> None:
        """Boxes and their networks stay."""

    # What is on disk

    def _at(self, box_id: str) -> Places:
        return Places(self._base, box_id)

    def _find(self, ref: BoxRef) -> tuple[Record, Places]:
        """The record whose labels are those of ``ref``. Raises BoxAbsent."""
        at = self._at(ref.box_id)
        box = record.load_record(at.record)
        if box is None:
            raise BoxAbsent(f"There is no container for the box {ref.box_id}.")
        labels = (box.installation, box.box_id, ref.handle and box.handle)
        if labels != (self._installation, ref.box_id, ref.handle):
            raise BoxAbsent(f"The container of the box {ref.box_id} is not the one meant.")
        return box, at

    @contextlib.asynccontextmanager
    async def _holding(self, ref: BoxRef) -> AsyncIterator[tuple[Record, Places]]:
        """The lock of one existing box; gives its record and places. Raises BoxAbsent."""
        _box, at = self._find(ref)
        async with _alone(at):
            yield self._find(ref)

    def _life(self, at: Places) -> Life:
        return life.load(at.life, at.report) or Life("", wanted=False)

    def _make(self, spec: BoxSpec, at: Places, found: Host) -> Record:
        """Make the directories, and last the record, with which the box exists."""
        others = [b for b in self._records() if b.box_id != spec.box_id]
        if found.networking is Networking.HOST:
            self._refuse_neighbour(spec, others, found)
        now = datetime.now(UTC)
        uid = self._lend_volumes(spec, at, {b.uid for b in others}, now)
        at.box.mkdir(exist_ok=True)
        at.box.chmod(0o711)
        box = Record(
            self._installation,
            spec.box_id,
            secrets.token_hex(16),
            spec.project,
            spec.workspace,
            spec.image,
            spec.limits,
            uid,
            now,
            dict(spec.env),
        )
        record.save_record(at.record, box)
        return box

    def _refuse_neighbour(self, spec: BoxSpec, others: Sequence[Record], found: Host) -> None:
        foreign = {b.workspace for b in others if b.workspace} - {spec.workspace}
        if foreign and spec.workspace:
            raise Unsupported(
                "Boxes share this host's network here, so a second workspace is refused "
                f"({found.why_host}).",
                hint=findings.network_fix(found),
            )

    def _lend_volumes(self, spec: BoxSpec, at: Places, taken: set[int], now: datetime) -> int:
        """Make the volumes, or take up those that an earlier container left; their host uid."""
        label = record.load_label(at.label)
        if label is not None and label.installation != self._installation:
            raise Conflict(f"The volumes of {spec.box_id} belong to another installation.")
        uid = -1 if label is None else label.uid
        if not identity.owns(uid) or (uid in taken and os.geteuid() == 0):
            old, uid = uid, identity.choose(taken, random.SystemRandom())
            if old >= 0:
                if os.geteuid() != 0:
                    raise RuntimeUnavailable("These volumes belong to another user of this host.")
                for directory in (at.workspace, at.cache):
                    if directory.is_dir():
                        trees.give(directory, uid)
        at.volumes.mkdir(exist_ok=True)
        at.volumes.chmod(0o711)
        for directory in (at.workspace, at.cache):
            lend(directory, uid, 0o755)
        record.save_label(at.label, record.VolumeLabel(self._installation, spec.box_id, uid, now))
        return uid

    def _own_volumes(self, at: Places) -> bool:
        label = record.load_label(at.label)
        return label is not None and label.installation == self._installation

    def _records(self) -> Sequence[Record]:
        """Ours; one that was removed in this moment is passed over."""
        loaded = (record.load_record(self._at(i).record) for i in places.ids(self._base, "boxes"))
        return [b for b in loaded if b is not None and b.installation == self._installation]

    async def _discard(self, directory: Path) -> None:
        """Out of sight at once, then deleted."""
        if directory.exists():
            hidden = self._base / "trash" / f"{directory.name}.{secrets.token_hex(6)}"
            directory.rename(hidden)
            self._deleting.add(hidden.name)
            try:
                await complete(trees.delete, hidden)
            finally:
                self._deleting.discard(hidden.name)

    def _sweep(self) -> None:
        """Delete what an earlier deletion left, as far as that goes: the next sweep tries again."""
        trash = self._base / "trash"
        if trash.is_dir():
            for left in sorted(trash.iterdir()):
                if left.name not in self._deleting:
                    with contextlib.suppress(OSError):
                        trees.delete(left)

    # Its life

    async def _detect(self) -> Host:
        async with self._looking:
            if self._host is None:
                self._host = await self._look(f"vibn-{self._installation[:16]}")
                own = self._host.networking is not Networking.HOST
                self.capabilities = replace(
                    self.capabilities,
                    address=self._host.networking is Networking.VETH,
                    own_network=own,
                    isolation=isolation(self._host.root, own),
                )
            return self._host

    async def _starter(self) -> Starter:
        return Starter(await self._detect(), self._certificates, self._settings.network_guard)

    async def _up(self, box: Record, at: Places) -> None:
        starter = await self._starter()
        process = self._life(at).running()
        group = starter.group(box)
        if process is None:
            found = await self._detect()
            if found.networking is Networking.HOST:
                others = [b for b in self._records() if b.box_id != box.box_id]
                self._refuse_neighbour(_spec(box), others, found)
            usernet.detach(self._life(at).helper)
            try:
                await starter.start(box, at, datetime.now(UTC))
            except (BoxFailed, RuntimeUnavailable) as exc:
                usable = await host.available()
                if usable.usable:
                    raise
                raise RuntimeUnavailable(
                    f"No box can be started: {usable.reason}.", hint=f"FIX: {usable.fix}"
                ) from exc
        elif ending.is_frozen(process, group):
            await ending.thaw(process, group)
        self._watch.nudge()

    async def _down(self, box: Record, at: Places, grace: float) -> None:
        starter = await self._starter()
        found = self._life(at)
        process, group = found.running(), starter.group(box)
        life.save(at.life, found.stopped())
        if process is not None:
            if ending.is_frozen(process, group):
                await ending.thaw(process, group)
            await ending.end(process, grace)
        usernet.detach(found.helper)
        network = starter.network(box)
        if network is not None:
            await veth.remove(network)
        self._watch.nudge()

    # Looking

    def _status(self, ref: BoxRef, found: Host) -> RuntimeStatus:
        try:
            box, at = self._find(ref)
        except BoxAbsent:
            return RuntimeStatus(RuntimeState.ABSENT)
        now = self._life(at)
        process, group = now.running(), _group(found, box)
        unapplied = tuple(name for name in _LIMITS if now.limits_by and name not in now.held)
        oom = group is not None and now.wanted and group.oom_kills() > 0
        state, reason, code = RuntimeState.RUNNING, "", None
        if process is None:
            state, reason = _resting(now, oom)
            code = life.exit_status(at.report) if state is RuntimeState.STOPPED else None
        elif ending.is_frozen(process, group):
            state = RuntimeState.FROZEN
        return RuntimeStatus(
            state,
            reason,
            oom_killed=oom,
            exit_code=code,
            started_at=now.started_at,
            image=box.image,
            unapplied=unapplied,
            limits_by=now.limits_by,
        )

    def _list(self, found: Host) -> Sequence[OwnedBox]:
        boxes: dict[str, OwnedBox] = {}
        for box in self._records():
            ref = BoxRef(box.box_id, box.handle)
            state = self._status(ref, found).state
            boxes[box.box_id] = OwnedBox(ref, state, box.image, box.created_at)
        for box_id in places.ids(self._base, "volumes"):
            label = record.load_label(self._at(box_id).label)
            if box_id in boxes or label is None or label.installation != self._installation:
                continue
            ref = BoxRef(box_id, "")
            boxes[box_id] = OwnedBox(ref, RuntimeState.ABSENT, "", label.created_at, False)
        return list(boxes.values())

    def _seen(self) -> Mapping[str, events.Seen]:
        seen: dict[str, events.Seen] = {}
        for box in self._records():
            at = self._at(box.box_id)
            now = self._life(at)
            group = None if self._host is None else _group(self._host, box)
            seen[box.box_id] = events.Seen(
                BoxRef(box.box_id, box.handle),
                now.running(),
                now.wanted,
                0 if group is None else group.oom_kills(),
                life.exit_status(at.report),
            )
        return seen


@contextlib.asynccontextmanager
async def _alone(at: Places) -> AsyncIterator[None]:
    """Hold the lock of a box. What the host's files refuse meanwhile is RuntimeUnavailable."""
    try:
        await complete(places.lay, at.base)
        async with held(at.lock):
            yield
    except VibnError:
        raise
    except (OSError, RecursionError) as exc:
        raise RuntimeUnavailable(f"The host refuses what box {at.box_id} needs: {exc}.") from exc


def isolation(root: bool, own_network: bool) -> str:
    """One line for a person."""
    user = "each with a user id of its own" if root else "all under your user id"
    network = "own networks" if own_network else "on the host's network, one workspace only"
    return f"sandboxed processes that share the host's kernel, {user}, {network}"


def _group(found: Host, box: Record) -> Group | None:
    return None if found.hierarchies is None else found.hierarchies.group(box.box_id)


def _spec(box: Record) -> BoxSpec:
    return BoxSpec(box.box_id, box.project, box.workspace, box.image, box.limits)


def _resting(now: Life, oom: bool) -> tuple[RuntimeState, str]:
    """The state, and why, of a box without a process."""
    if now.starting():
        return RuntimeState.STARTING, ""
    if now.failure:
        return RuntimeState.FAILED, now.failure
    if not now.wanted:
        return RuntimeState.STOPPED, ""
    if now.boot != boot_id():
        return RuntimeState.STOPPED, "The host was restarted."
    if oom:
        return RuntimeState.STOPPED, "Its memory limit was reached, and its main process ended."
    return RuntimeState.STOPPED, "Its main process ended."
