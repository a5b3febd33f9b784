"""A real engine, boxes of an installation of their own for each test, and the engine's API on a
loopback TCP port for the paths that have no shared file system."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.engine_api import EngineApi, RuntimeOverTcp

from vibn.channel.client import AgentClient
from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import BoxRef, BoxSpec, Limits
from vibn.runtimes.docker import DockerRuntime
from vibn.runtimes.docker.engine import Engine, engine_url
from vibn.runtimes.docker.findings import has_image

IMAGES = (os.environ.get("VIBN_TEST_IMAGE", ""), "vibn-dev:slim", "vibn-dev:latest")
LIMITS = Limits(cpus=1.0, memory=256 << 20, disk=64 << 20, pids=128, log=1 << 20)

Make = Callable[..., Awaitable[BoxRef]]
Reach = Callable[..., Awaitable[AgentClient]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture
async def image() -> str:
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


@pytest.fixture
def installation() -> str:
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture
def settings(tmp_path: Path, image: str) -> Settings:
    return Settings(state_dir=tmp_path / "state", dev_image=image)


async def swept(runtime: DockerRuntime) -> None:
    for box in await runtime.list():
        await runtime.remove(box.ref, volumes=True)
    await runtime.close()


@pytest.fixture
async def runtime(settings: Settings, installation: str) -> AsyncIterator[DockerRuntime]:
    made = DockerRuntime(settings, installation)
    yield made
    await swept(made)


@pytest.fixture
async def remote(settings: Settings, installation: str) -> AsyncIterator[RuntimeOverTcp]:
    """The runtime with an engine that is reached over TCP and shares no file system with it."""
    api = EngineApi()
    await api.open()
    made = RuntimeOverTcp(settings, installation, api)
    yield made
    await swept(made)


@pytest.fixture(params=["socket", "relay"])
def either(request: pytest.FixtureRequest) -> DockerRuntime:
    """Both ways to the agent, one after the other."""
    name = {"socket": "runtime", "relay": "remote"}[request.param]
    found: DockerRuntime = request.getfixturevalue(name)
    return found


@pytest.fixture
def make(image: str) -> Make:
    async def make(runtime: DockerRuntime, **fields: object) -> BoxRef:
        box_id = str(fields.pop("box_id", secrets.token_hex(8)))
        values: dict[str, object] = {"project": "acme", "limits": LIMITS, **fields}
        spec = BoxSpec(box_id, workspace="team", image=image, **values)  # type: ignore[arg-type]
        return BoxRef(box_id, await runtime.create(spec))

    return make


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    """Connects a client to a box; all are closed at the end."""
    clients: list[AgentClient] = []

    async def reach(runtime: DockerRuntime, ref: BoxRef, user: str = "vibn") -> AgentClient:
        client = await AgentClient.connect(await runtime.connect(ref, user))
        clients.append(client)
        return client

    yield reach
    for client in clients:
        await client.close()
