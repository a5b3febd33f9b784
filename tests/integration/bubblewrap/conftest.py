"""Sandboxes of this host, of an installation of their own for each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from vibn.channel.client import AgentClient
from vibn.config import Settings
from vibn.models import BoxRef, BoxSpec, Limits
from vibn.outcomes import ExecResult
from vibn.runtimes.bubblewrap import BubblewrapRuntime, available, host, life
from vibn.runtimes.bubblewrap.host import Host
from vibn.runtimes.bubblewrap.places import Places
from vibn.runtimes.processes import Process

LIMITS = Limits(cpus=1.0, memory=256 << 20, pids=128)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.bubblewrap)


@dataclass
class Boxes:
    """Makes runtimes and boxes of one installation, and commands in them."""

    directory: Path
    installation: str
    made: list[BubblewrapRuntime] = field(default_factory=list)

    def runtime(self, **without: Any) -> BubblewrapRuntime:
        """A runtime object; what is given replaces what this host really can."""

        async def look(group: str) -> Host:
            return replace(await host.look(group), **without)

        made = BubblewrapRuntime(Settings(state_dir=self.directory), self.installation, look)
        self.made.append(made)
        return made

    @property
    def base(self) -> Path:
        return self.directory / "bubblewrap"

    async def make(self, runtime: BubblewrapRuntime, **changes: Any) -> BoxRef:
        spec = BoxSpec(f"b{secrets.token_hex(6)}", "shop", "acme", "any", LIMITS)
        spec = replace(spec, **changes)
        return BoxRef(spec.box_id, await runtime.create(spec))

    @asynccontextmanager
    async def agent(self, runtime: BubblewrapRuntime, ref: BoxRef) -> AsyncIterator[AgentClient]:
        client = await AgentClient.connect(await runtime.connect(ref))
        try:
            yield client
        finally:
            await client.close()

    async def run(self, runtime: BubblewrapRuntime, ref: BoxRef, command: str) -> ExecResult:
        async with self.agent(runtime, ref) as client:
            return await client.exec(command, timeout=120)

    async def told(self, runtime: BubblewrapRuntime, ref: BoxRef, command: str) -> str:
        """stdout of a command, which must succeed, without the last line's end."""
        result = await self.run(runtime, ref, command)
        assert result.exit == 0, result
        return result.stdout.decode().removesuffix("\n")

    def main(self, ref: BoxRef) -> Process:
        """The box's first process, as noted on disk."""
        at = Places(self.base, ref.box_id)
        found = life.load(at.life, at.report)
        assert found is not None
        assert found.process is not None
        return found.process


@pytest.fixture
async def boxes(tmp_path: Path) -> AsyncIterator[Boxes]:
    usable = await available()
    if not usable.usable:
        pytest.skip(f"bubblewrap: {usable.reason}")
    found = Boxes(tmp_path, f"test-{secrets.token_hex(6)}")
    yield found
    for runtime in found.made:
        for box in await runtime.list():
            await runtime.remove(box.ref, volumes=True)
        await runtime.close()


@pytest.fixture
def runtime(boxes: Boxes) -> BubblewrapRuntime:
    return boxes.runtime()
