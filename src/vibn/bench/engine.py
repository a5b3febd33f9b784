"""The peer: a Docker Engine driven by its own API and by its own command line, without Vibn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiodocker

from vibn.errors import RuntimeUnavailable


class Engine:
    """Figures are milliseconds of what the name says, and nothing beside it."""

    def __init__(self, client: aiodocker.Docker) -> None:
        self._client = client

    async def exec_api(self, container: str) -> None:
        """One ``sh -c true`` through the exec API, its output read to the end."""
        exec_ = await self._client.containers.container(container).exec(["sh", "-c", "true"])
        async with exec_.start(detach=False) as stream:
            while await stream.read_out() is not None:
                pass

    async def exec_cli(self, container: str) -> None:
        process = await asyncio.create_subprocess_exec(
            "docker", "exec", container, "sh", "-c", "true"
        )
        if await asyncio.wait_for(process.wait(), 60):
            raise RuntimeUnavailable("docker exec failed.")

    async def create_and_start(self, image: str) -> float:
        """A plain container with two volumes, an init process and limits; removed afterwards."""
        config: dict[str, Any] = {
            "Image": image,
            "Entrypoint": ["sleep", "60"],
            "Cmd": [],
            "Volumes": {"/workspace": {}, "/home/vibn/.cache": {}},
            "HostConfig": {"Init": True, "Memory": 1 << 30, "NanoCpus": 10**9, "PidsLimit": 512},
        }
        begun = time.perf_counter()
        container = await self._client.containers.create(config)
        await container.start()
        ms = (time.perf_counter() - begun) * 1000
        await container.delete(force=True, v=True)
        return ms

    async def restart(self, container: str) -> float:
        """``docker start`` of a container that was just stopped."""
        stopped = self._client.containers.container(container)
        await stopped.stop(t=1)
        begun = time.perf_counter()
        await stopped.start()
        return (time.perf_counter() - begun) * 1000


@asynccontextmanager
async def engine() -> AsyncIterator[Engine]:
    """Raises RuntimeUnavailable with the engine's own words."""
    client = aiodocker.Docker()
    try:
        yield Engine(client)
    except aiodocker.DockerError as exc:
        raise RuntimeUnavailable(f"The engine refused a step of the benchmark: {exc}") from exc
    finally:
        await client.close()
