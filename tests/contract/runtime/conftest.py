"""One suite for every runtime. To add one: write an ``async def`` that gives a Runtime object for
a directory and an installation id, or skips with the reason why it cannot run here, and name it
in RUNTIMES with its marker. Nothing in the tests asks which runtime it is; what a runtime cannot
do it says in ``capabilities``, and OUTLIVES lists those whose boxes outlive their object.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from vibn.channel.client import AgentClient
from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import BoxRef, BoxSpec, Limits, RuntimeStatus
from vibn.runtimes import bubblewrap
from vibn.runtimes.base import Runtime
from vibn.runtimes.memory import MemoryRuntime

IMAGES = (os.environ.get("VIBN_TEST_IMAGE", ""), "vibn-dev:slim", "vibn-dev:latest")
LIMITS = Limits(cpus=1.0, memory=256 << 20, disk=64 << 20, pids=128, log=1 << 20)


async def memory(directory: Path, installation: str) -> Runtime:
    return MemoryRuntime(directory)


async def bubblewrapped(directory: Path, installation: str) -> Runtime:
    usable = await bubblewrap.available()
    if not usable.usable:
        pytest.skip(f"bubblewrap: {usable.reason}")
    return bubblewrap.BubblewrapRuntime(Settings(state_dir=directory), installation)


async def docker(directory: Path, installation: str) -> Runtime:
    from vibn.runtimes.docker import DockerRuntime

    settings = Settings(state_dir=directory, dev_image=await docker_image())
    return DockerRuntime(settings, installation)


async def docker_over_tcp(directory: Path, installation: str) -> Runtime:
    """An engine that shares no file system: the agent is reached through the exec API."""
    from tests.engine_api import EngineApi, RuntimeOverTcp

    settings = Settings(state_dir=directory, dev_image=await docker_image())
    api = EngineApi()
    await api.open()
    return RuntimeOverTcp(settings, installation, api)


async def docker_image() -> str:
    from vibn.runtimes.docker.engine import Engine, engine_url
    from vibn.runtimes.docker.findings import has_image

    engine = Engine(engine_url())
    try:
        for name in filter(None, IMAGES):
            if await has_image(engine, name):
                return name
    except VibnError as exc:
        pytest.skip(f"no Docker Engine: {exc.message}")
    finally:
        await engine.close()
    pytest.skip("no image of boxes: run `vibn image build` or set VIBN_TEST_IMAGE")


RUNTIMES = {
    memory: (),
    bubblewrapped: (pytest.mark.bubblewrap,),
    docker: (pytest.mark.docker,),
    docker_over_tcp: (pytest.mark.docker,),
}
OUTLIVES = (bubblewrapped, docker, docker_over_tcp)

Build = Callable[[Path, str], Awaitable[Runtime]]


@dataclass
class Place:
    """One installation: ``runtime`` is the object under test, ``again`` makes a second one."""

    build: Build
    directory: Path
    installation: str
    runtime: Runtime
    image: str = "any"
    others: list[Runtime] = field(default_factory=list)

    def spec(self, box_id: str = "", **changes: Any) -> BoxSpec:
        given = box_id or f"b{secrets.token_hex(6)}"
        return replace(BoxSpec(given, "shop", "acme", self.image, LIMITS), **changes)

    async def make(self, box_id: str = "", **changes: Any) -> BoxRef:
        spec = self.spec(box_id, **changes)
        return BoxRef(spec.box_id, await self.runtime.create(spec))

    async def again(self, installation: str = "") -> Runtime:
        made = await self.build(self.directory, installation or self.installation)
        self.others.append(made)
        return made

    async def status(self, ref: BoxRef) -> RuntimeStatus:
        return await self.runtime.status(ref)

    @asynccontextmanager
    async def agent(self, ref: BoxRef, user: str = "vibn") -> AsyncIterator[AgentClient]:
        client = await AgentClient.connect(await self.runtime.connect(ref, user))
        try:
            yield client
        finally:
            await client.close()

    async def run(self, ref: BoxRef, command: str) -> str:
        """stdout of a command in the box; the command must succeed."""
        async with self.agent(ref) as client:
            result = await client.exec(command, timeout=30)
        assert result.exit == 0, result
        return result.stdout.decode()

    def skip_unless_boxes_outlive(self) -> None:
        if self.build not in OUTLIVES:
            pytest.skip("boxes of this runtime end with its object")


@pytest.fixture(
    params=[
        pytest.param(build, marks=marks, id=build.__name__) for build, marks in RUNTIMES.items()
    ]
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    installation = f"test-{secrets.token_hex(6)}"
    made = Place(request.param, tmp_path, installation, await request.param(tmp_path, installation))
    if request.param in (docker, docker_over_tcp):
        made.image = await docker_image()
    yield made
    for box in await made.runtime.list():
        await made.runtime.remove(box.ref, volumes=True)
    for runtime in (*made.others, made.runtime):
        await runtime.close()
