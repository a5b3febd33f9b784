"""``vibn doctor`` for Docker, and whether this runtime can serve at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiodocker

from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import Finding, Severity
from vibn.runtimes.docker import disk, guard, layer, networks
from vibn.runtimes.docker.engine import Engine, engine_url

OLDEST = (20, 10)
OLDEST_RUNC = (1, 2, 8)
"""Older ones have CVE-2025-31133, -52565 and -52881 unless the distribution mended them."""
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED = 1024
_START = "systemctl start docker (where no init system runs: scripts/engine start)"


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether the runtime can make boxes now; otherwise why not, and what mends it."""

    usable: bool
    reason: str = ""
    fix: str = ""


async def available(settings: Settings) -> Availability:
    """Whether the engine answers and has the image. Changes nothing; takes at most 10 s."""
    engine = Engine(engine_url())
    try:
        await engine.info()
        if await has_image(engine, settings.dev_image):
            return Availability(True)
        return Availability(
            False,
            f"the Docker image {settings.dev_image} is missing (vibn image build)",
            "vibn image build",
        )
    except VibnError:
        return Availability(False, f"no Docker Engine answers at {engine.url}", _START)
    finally:
        await engine.close()


async def has_image(engine: Engine, image: str) -> bool:
    async with engine.call("look at an image", 10) as client:
        try:
            await client.images.inspect(image)
        except aiodocker.DockerError as exc:
            if exc.status == 404:
                return False
            raise
    return True


async def findings(engine: Engine, settings: Settings) -> Sequence[Finding]:
    """All findings; those about this host only where the engine may be on it."""
    try:
        info = await engine.info()
    except VibnError as exc:
        fix = _START if engine.local else f"check DOCKER_HOST={engine.url}"
        return [Finding(Severity.ERROR, "docker", exc.message, fix)]
    found = [_version(info), _image(await has_image(engine, settings.dev_image), settings)]
    found += _limits(info) + _runtimes(info, settings) + [_subnets(settings)]
    if engine.local:
        found += [_storage(), _layer(info), await asyncio.to_thread(_guard, settings), _inotify()]
    else:
        found += _remote(settings)
    return found


def _ok(subject: str, message: str) -> Finding:
    return Finding(Severity.OK, subject, message)


def _warn(subject: str, message: str, fix: str) -> Finding:
    return Finding(Severity.WARNING, subject, message, f"{fix}")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _version(info: Mapping[str, Any]) -> Finding:
    version = str(info.get("ServerVersion", "?"))
    if _numbers(version) < OLDEST:
        message = f"Docker Engine {version} is older than {'.'.join(map(str, OLDEST))}"
        return Finding(Severity.ERROR, "docker", message, "install a newer Docker Engine")
    storage, cgroup = info.get("Driver", "?"), info.get("CgroupVersion", "?")
    return _ok("docker", f"Docker Engine {version}, storage {storage}, cgroup v{cgroup}")


def _image(there: bool, settings: Settings) -> Finding:
    if there:
        return _ok("image", f"{settings.dev_image} is there")
    message = f"The image {settings.dev_image} is missing"
    return Finding(Severity.ERROR, "image", message, "vibn image build")


def _limits(info: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    for key, limit in (
        ("MemoryLimit", "memory"),
        ("CpuCfsQuota", "CPU"),
        ("PidsLimit", "process"),
    ):
        if info.get(key) is False:
            message = f"This kernel holds no {limit} limit for boxes"
            found.append(_warn("cgroup", message, f"boot a kernel with the {limit} controller"))
    if info.get("SwapLimit") is False:
        message = "Swap is not accounted: a box may swap beyond its memory limit"
        fix = "boot with swapaccount=1 (cgroup v1), move to cgroup v2, or swapoff -a"
        found.append(_warn("swap", message, fix))
    return found or [_ok("cgroup", "CPU, memory, swap and process limits are held")]


def _runtimes(info: Mapping[str, Any], settings: Settings) -> list[Finding]:
    name = settings.docker_runtime
    if name and name not in (info.get("Runtimes") or {}):
        message = f"The engine has no OCI runtime {name} (VIBN_DOCKER_RUNTIME)"
        fix = f"add {name} to `runtimes` in /etc/docker/daemon.json"
        return [Finding(Severity.ERROR, "oci runtime", message, fix)]
    return [_ok("oci runtime", name or str(info.get("DefaultRuntime", "runc")))]


def _subnets(settings: Settings) -> Finding:
    try:
        within = networks.block(settings.docker_subnets)
    except VibnError as exc:
        fix = "VIBN_DOCKER_SUBNETS=10.213.0.0/16"
        return Finding(Severity.ERROR, "networks", exc.message, fix)
    count = 1 << (networks.PREFIX - within.prefixlen)
    return _ok("networks", f"{within} has room for {count} projects")


def _storage() -> Finding:
    why = disk.missing()
    if not why:
        return _ok("disk limit", "each box's volumes lie on an ext4 image of its limit")
    message = f"The disk limit of boxes is not held, only measured: {why}"
    return _warn("disk limit", message, "run the control plane as root with e2fsprogs installed")


def _layer(info: Mapping[str, Any]) -> Finding:
    if layer.limited(info):
        return _ok("container layer", "what root writes outside of a box's volumes is limited")
    message = "Nothing limits what a box writes to its container's own layer, as /home and root's"
    fix = "keep the engine's data on xfs mounted with pquota, with the overlay2 driver"
    return _warn("container layer", message, fix)


def _guard(settings: Settings) -> Finding:
    if not settings.network_guard:
        message = "The network guard is switched off: boxes reach this host and private networks"
        return _warn("network guard", message, "VIBN_NETWORK_GUARD=true")
    why = guard.missing()
    if why:
        message = f"The network guard cannot be applied: {why}"
        return _warn("network guard", message, "run the control plane as root, with iptables")
    try:
        there = guard.applied()
    except guard.GuardFailed as exc:
        message = f"The network guard cannot be applied: {exc}"
        return _warn("network guard", message, "mend iptables on this host")
    return _ok("network guard", "applied" if there else "applied with the first box")


def _inotify() -> Finding:
    have = int(INOTIFY.read_text()) if INOTIFY.exists() else INOTIFY_WANTED
    if have >= INOTIFY_WANTED:
        return _ok("inotify", f"fs.inotify.max_user_instances is {have}")
    message = (
        f"fs.inotify.max_user_instances is {have}, and all boxes share it: "
        "watching files fails in about so many boxes"
    )
    return _warn("inotify", message, f"sysctl -w fs.inotify.max_user_instances={INOTIFY_WANTED}")


def _remote(settings: Settings) -> list[Finding]:
    fix = "run the control plane on the engine's host, or limit there what boxes may use"
    found = [
        _warn(
            "disk limit", "A remote engine's volumes and layers have no limit, only a measure", fix
        )
    ]
    if settings.network_guard:
        message = "The network guard cannot be applied on a remote engine's host from here"
        found.append(_warn("network guard", message, "run the control plane on the engine's host"))
    return found
