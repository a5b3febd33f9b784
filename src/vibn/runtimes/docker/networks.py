"""One bridge network a project, each with a small subnet of its own.

The engine's default pools end at about 31 networks; a /28 out of ``docker_subnets`` gives 4096
in the default block.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import aiodocker
from aiodocker.networks import DockerNetwork as _UntypedNetwork

from vibn.errors import BoxFailed, Conflict, InvalidInput
from vibn.models import BoxSpec
from vibn.runtimes.docker.engine import Engine
from vibn.runtimes.docker.owned import Owner

DockerNetwork: Any = _UntypedNetwork  # the client leaves its methods untyped
PREFIX = 28
Network = ipaddress.IPv4Network


def block(text: str) -> Network:
    """The block of ``VIBN_DOCKER_SUBNETS``. Raises InvalidInput."""
    try:
        found = Network(text)
    except ValueError as exc:
        raise InvalidInput(f"VIBN_DOCKER_SUBNETS={text!r} is not an IPv4 block: {exc}") from exc
    if found.prefixlen > PREFIX:
        raise InvalidInput(f"VIBN_DOCKER_SUBNETS={text} is too small: a box takes a /{PREFIX}.")
    return found


def free_subnets(within: Network, used: Iterable[Network], start: int) -> Iterator[Network]:
    """The /28s of ``within`` that touch nothing in ``used``, from the ``start``-th around."""
    count = 1 << (PREFIX - within.prefixlen)
    size = 1 << (32 - PREFIX)
    taken = [net for net in used if net.overlaps(within)]
    first = int(within.network_address)
    for step in range(count):
        subnet = Network((first + (start + step) % count * size, PREFIX))
        if not any(subnet.overlaps(net) for net in taken):
            yield subnet


def subnets_of(networks: Iterable[dict[str, Any]]) -> list[Network]:
    found: list[Network] = []
    for network in networks:
        for config in (network.get("IPAM") or {}).get("Config") or ():
            try:
                found.append(Network(config.get("Subnet", "")))
            except ValueError:
                continue  # IPv6, or a network without a subnet
    return found


def routed() -> list[Network]:
    """The IPv4 networks this host has routes to, beside the default route."""
    found: list[Network] = []
    try:
        lines = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return found
    for line in lines:
        fields = line.split()
        address, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            found.append(Network((address, bin(mask).count("1")), strict=False))
    return found


class Networks:
    def __init__(self, engine: Engine, subnets: str) -> None:
        self._engine = engine
        self._subnets = subnets

    async def ensure(self, owner: Owner, spec: BoxSpec) -> None:
        """Make the box's network unless it is there.

        Another hand may take the same subnet at the same moment: the engine refuses the second,
        and the next free one is tried.
        """
        within = block(self._subnets)
        async with self._engine.call("make a network", 60) as client:
            while True:
                if await self._made(client, owner, spec, within):
                    return
                # Another hand is making this very network: soon it is listed.
                await asyncio.sleep(0.05)

    async def _made(
        self, client: aiodocker.Docker, owner: Owner, spec: BoxSpec, within: Network
    ) -> bool:
        networks = await client.networks.list()
        mine = [net for net in networks if net["Name"] == owner.network]
        if mine:
            _check(owner, mine[0])
            return True
        used = subnets_of(networks) + (routed() if self._engine.local else [])
        for subnet in free_subnets(within, used, owner.start_at):
            try:
                await client.networks.create(_config(owner, spec, subnet))
                return True
            except aiodocker.DockerError as exc:
                if exc.status == 409 or "same bridge name" in exc.message:
                    return False
                if "overlap" not in exc.message.lower():
                    raise
        raise BoxFailed(
            f"No free /{PREFIX} subnet is left in {self._subnets}.",
            hint="Set VIBN_DOCKER_SUBNETS to a larger block that nothing else uses.",
        )

    async def join(self, owner: Owner, container: str) -> None:
        """Put a container that does not run into the box's network, in the place of one of the
        same name that is gone."""
        async with self._engine.call("join a network") as client:
            await DockerNetwork(client, owner.network).connect({"Container": container})

    async def remove(self, owner: Owner) -> None:
        """Remove the box's network; none there is no error."""
        async with self._engine.call("remove a network") as client:
            for network in await client.networks.list(filters={"name": owner.network}):
                if network["Name"] == owner.network and owner.owns(network.get("Labels")):
                    try:
                        await (await client.networks.get(network["Id"])).delete()
                    except aiodocker.DockerError as exc:
                        if exc.status != 404:
                            raise


def _check(owner: Owner, network: dict[str, Any]) -> None:
    if not owner.owns(network.get("Labels")):
        raise Conflict(
            f"The network {owner.network} exists and is not ours.",
            hint=f"Look at it with `docker network inspect {owner.network}`.",
        )


def _config(owner: Owner, spec: BoxSpec, subnet: Network) -> dict[str, Any]:
    return {
        "Name": owner.network,
        "CheckDuplicate": True,
        "Driver": "bridge",
        "IPAM": {"Config": [{"Subnet": str(subnet)}]},
        "Options": {
            "com.docker.network.bridge.name": owner.bridge,
            "com.docker.network.bridge.enable_icc": "false",
        },
        "Labels": owner.labels(spec),
    }
