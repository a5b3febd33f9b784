"""From a record on disk to a running sandbox, in steps of which each can be repeated."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vibn.errors import BoxFailed, VibnError
from vibn.runtimes import zipapp
from vibn.runtimes.bubblewrap import (
    etc,
    identity,
    launch,
    life,
    places,
    resolvers,
    rlimits,
    sandbox,
    trees,
    usernet,
    veth,
)
from vibn.runtimes.bubblewrap.cgroups import Group
from vibn.runtimes.bubblewrap.host import Host, Networking
from vibn.runtimes.bubblewrap.life import Life
from vibn.runtimes.bubblewrap.places import Places
from vibn.runtimes.bubblewrap.record import Record
from vibn.runtimes.bubblewrap.threads import complete
from vibn.runtimes.processes import Process


class Starter:
    """Starts boxes of one installation. ``certificates`` is the bundle that the operator named."""

    def __init__(self, host: Host, certificates: Path | None, guarded: bool) -> None:
        self._host = host
        self._certificates = certificates
        self._guarded = guarded

    async def start(self, record: Record, at: Places, now: datetime) -> Life:
        """Start it; the life is saved on the way and at the end. Raises what makes it impossible,
        which is saved too. The caller holds the box's lock and knows that it does not run."""
        started = life.begin(now)
        life.save(at.life, started)
        try:
            return await self._start(record, at, started)
        except BaseException as exc:
            why = exc.message if isinstance(exc, VibnError) else "The start was interrupted."
            life.save(at.life, started.failed(why))
            network = self.network(record)
            if network is not None and isinstance(exc, Exception):
                await veth.remove(network)
            if isinstance(exc, OSError | RecursionError) and not isinstance(exc, VibnError):
                raise BoxFailed(f"The box cannot be started: {exc}.") from exc
            raise

    async def _start(self, record: Record, at: Places, started: Life) -> Life:
        agent, copied = await complete(self._lay_files, record, at)
        group = self.group(record)
        held = await complete(group.make, record.limits) if group is not None else set()
        limited_by = self._host.hierarchies.name if self._host.hierarchies and held else "rlimits"
        own_user = record.uid != 0 and record.uid != os.getuid()
        options, also = rlimits.options(record.limits, held, own_user)
        network = self.network(record)
        address = "" if network is None else await veth.make(network, resolvers.usable())
        started = replace(
            started, address=address, held=frozenset(held | also), limits_by=limited_by
        )
        life.save(at.life, started)
        userns = await identity.namespace(record.uid)
        gate, opening = os.pipe()
        try:
            box = sandbox.Sandbox(
                at,
                agent,
                copied,
                hostname(record.project),
                sandbox.environment(record.project, self._certificates is not None, record.env),
                views=() if group is None else group.views(),
                userns=userns,
                own_network=self._by_program(),
            )
            around = launch.Launch(
                entrances=() if group is None else group.entrances,
                rlimits=options,
                namespace=None if network is None else network.namespace,
                staged=self._host.root and not places.passable(at.base),
            )
            process = await launch.start(box, around, gate)
            return await self._settle(at, started, process, opening)
        finally:
            for fd in (userns, gate, opening):
                if fd >= 0:
                    os.close(fd)

    async def _settle(self, at: Places, started: Life, process: Process, opening: int) -> Life:
        """Wait for the sandbox, give it the network, open its gate, and note the life. In this
        order: bwrap and the network's program would both set up the loopback interface."""
        helper = None
        try:
            await launch.executed(process, at.complaints)
            if self._by_program():
                name = self._host.networking.value
                helper = await usernet.attach(name, process, at.box / "network.pid", self._guarded)
                life.save(at.life, replace(started, helper=helper))
            os.write(opening, b"\n")
        except BaseException:
            usernet.detach(helper)
            process.send(signal.SIGKILL)
            raise
        started = replace(started, process=process, starter=None, helper=helper)
        life.save(at.life, started)
        return started

    def group(self, record: Record) -> Group | None:
        hierarchies = self._host.hierarchies
        return None if hierarchies is None else hierarchies.group(record.box_id)

    def network(self, record: Record) -> veth.Network | None:
        if self._host.networking is not Networking.VETH:
            return None
        return veth.of(record.installation, record.box_id, self._guarded)

    def _by_program(self) -> bool:
        return self._host.networking in (Networking.PASTA, Networking.SLIRP)

    def _resolvers(self) -> tuple[str, ...]:
        if self._by_program():
            return tuple(usernet.resolvers(self._host.networking.value))
        if self._host.networking is Networking.HOST:
            return tuple(resolvers.named(resolvers.CONFIGURATIONS[0])) or resolvers.PUBLIC
        return resolvers.usable()

    def _lay_files(self, record: Record, at: Places) -> tuple[Path, Path]:
        """Lay the directories of this life; the agent's file, and the copy of the host's."""
        copied = etc.copy_host(at.base / "host")
        certificates = etc.bundle(self._certificates)
        etc.write(at.etc, hostname(record.project), self._resolvers(), certificates)
        for directory in (at.run, at.tmp):
            trees.delete(directory)
            lend(directory, record.uid, 0o1777 if directory == at.tmp else 0o700)
        lend(at.home, record.uid, 0o755)
        return zipapp.build(at.base / "agent", sandbox.PYTHON), copied


def lend(directory: Path, uid: int, mode: int) -> None:
    """A directory that belongs to the box's user; what is in it stays as it is."""
    directory.mkdir(exist_ok=True)
    status = directory.stat()
    if os.geteuid() == 0 and status.st_uid != uid:
        os.chown(directory, uid, uid)
    if status.st_mode & 0o7777 != mode:
        directory.chmod(mode)


def hostname(project: str) -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", project.lower()).strip("-")[:40].strip("-")
    return name or "vibn"
