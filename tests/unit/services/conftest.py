"""The services that stand before every call, on the memory store and the memory runtime."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.boxes.conftest import HandClock

from vibn.authority import Access
from vibn.channel import Pool
from vibn.config import Settings
from vibn.runtimes.memory import MemoryRuntime
from vibn.services.admin import AdminSecret
from vibn.services.audit.entry import Entry
from vibn.services.calls import Caller, Calls
from vibn.services.disk import DiskGauge
from vibn.services.environment import Environment
from vibn.services.killswitch import KillSwitch
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import Faults
from vibn.services.limits import CallLimits
from vibn.services.projects import Projects
from vibn.services.sealing import Keyring
from vibn.services.secrets import Secrets
from vibn.services.switchboard import Switchboard
from vibn.services.tokens import Tokens
from vibn.store.memory import MemoryStore

ADMIN = "the admin secret"


class Notes:
    """The audit rows, in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def admit(self) -> None: ...

    def fingerprint(self, arguments: Mapping[str, object]) -> str:
        return repr(sorted(arguments))

    def note(self, entry: Entry) -> None:
        self.entries.append(entry)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(e.tool, e.project, e.outcome) for e in self.entries]


@dataclass
class Gatehouse:
    store: MemoryStore
    clock: HandClock
    tokens: Tokens
    calls: Calls
    killswitch: KillSwitch
    switchboard: Switchboard
    projects: Projects
    secrets: Secrets
    notes: Notes
    seconds: list[float] = field(default_factory=lambda: [0.0])
    """The monotonic clock of the kill switch, for tests to move."""

    async def caller(
        self,
        workspace: str = "acme",
        project: str | None = None,
        access: Access = Access.FULL,
        lifetime_s: float | None = None,
    ) -> Caller:
        issued = await self.tokens.issue(
            workspace, "test", project=project, access=access, lifetime_s=lifetime_s
        )
        return Caller(issued.text, "test", "r1")

    @property
    def operator(self) -> Caller:
        return Caller(ADMIN, "test", "r1")


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    store, clock, notes = MemoryStore(), HandClock(), Notes()
    runtime = MemoryRuntime(tmp_path)
    pool = Pool(runtime.connect)
    ids: Callable[[], str] = map("id{}".format, itertools.count()).__next__
    settings, faults = Settings(state_dir=tmp_path), Faults([].append)
    secrets = Secrets(store, Keyring(tmp_path / "secrets.keys"), faults)
    environment = Environment(secrets)
    boxes = Boxes(
        store, runtime, pool, clock, ids, settings, environment, lambda _: None, faults=faults
    )
    tokens = Tokens(store, clock, ids)
    gauge = DiskGauge(True, settings.limits)
    projects = Projects(store, boxes, clock, ids, faults)
    calls = Calls(
        tokens,
        AdminSecret(ADMIN),
        CallLimits(0, 1, 0),
        notes,
        boxes,
        pool,
        environment,
        gauge,
        clock,
        projects,
        secrets,
    )
    seconds = [0.0]
    killswitch = KillSwitch(store.switches, clock, "r1", calls.kill, lambda: seconds[0])
    calls.guarded_by(killswitch)
    await projects.ensure("acme", "shop")
    await projects.ensure("other", "theirs")
    await killswitch.open()
    switchboard = Switchboard(killswitch, store, pool, clock)
    yield Gatehouse(
        store, clock, tokens, calls, killswitch, switchboard, projects, secrets, notes, seconds
    )
    await killswitch.close()
    await pool.close()
    for box in await runtime.list():
        await runtime.remove(box.ref, volumes=True)
    await runtime.close()
