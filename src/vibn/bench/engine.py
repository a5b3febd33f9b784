"""The peer: a Docker Engine driven by its own API and by its own command line, without Vibn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import randbelow, token_hex
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

    async def create_and_start(self, image: str, own_network: bool = False) -> float:
        """A plain container with two volumes, an init process and limits; removed afterwards.

        ``own_network``: on a network that is made for it, as each of our projects has one.
        """
        limits = {"Memory": 1 << 30, "NanoCpus": 10**9, "PidsLimit": 512}
        config: dict[str, Any] = {
            "Image": image,
            "Entrypoint": ["sleep", "60"],
            "Cmd": [],
            "Volumes": {"/workspace": {}, "/home/vibn/.cache": {}},
            "HostConfig": {"Init": True, **limits},
        }
        name = f"vibn-bench-{token_hex(4)}"
        pool = {"Driver": "default", "Config": [{"Subnet": f"10.213.255.{16 * randbelow(16)}/28"}]}
        begun = time.perf_counter()
        network = None
        if own_network:
            network = await self._client.networks.create({"Name": name, "IPAM": pool})
            config["HostConfig"]["NetworkMode"] = name
        try:
            container = await self._client.containers.create(config)
            try:
                await container.start()
                return (time.perf_counter() - begun) * 1000
            finally:
                await container.delete(force=True, v=True)
        finally:
            if network is not None:
                await network.delete()

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
