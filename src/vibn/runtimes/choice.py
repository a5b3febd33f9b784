"""Which runtime serves this machine, and why.

``VIBN_RUNTIME`` decides; else Docker when its socket answers and the image exists; else
bubblewrap. Nothing else looks at a runtime's name.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from vibn.config import Settings
from vibn.errors import Unsupported
from vibn.runtimes import bubblewrap, docker
from vibn.runtimes.base import Runtime
from vibn.runtimes.memory import MemoryRuntime

PACKAGES = ("bubblewrap", "iproute2", "nftables", "ripgrep")
"""bwrap itself, what a network of its own for each box takes, and a quick fs_grep."""
INSTALL = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES)
INSTALL_DEADLINE = 600.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """The runtime's name, one sentence that says why it was chosen, and one that says how
    strongly its boxes are kept apart."""

    name: str
    reason: str
    isolation: str


async def choose(settings: Settings, install: Say | None = None) -> Choice:
    """Decide. With ``install`` bubblewrap is installed where it is the one to use, is missing, and
    that is ours to do (root, apt); each such step is said.

    Raises Unsupported with the command that would help.
    """
    if settings.runtime:
        if settings.runtime == "bubblewrap" and install is not None:
            await _installed(install)
        reason = f"VIBN_RUNTIME={settings.runtime}{await _lacks(settings)}"
        return _choice(settings, settings.runtime, reason)
    engine = await docker.available(settings)
    if engine.usable:
        return _choice(settings, "docker", f"the engine answers and has {settings.dev_image}")
    if install is not None:
        await _installed(install)
    sandbox = await bubblewrap.available()
    if sandbox.usable:
        return _choice(settings, "bubblewrap", f"Docker is not used: {engine.reason}")
    raise Unsupported(
        f"There is no runtime for boxes: {engine.reason}; {sandbox.reason}.",
        hint=f"FIX: {sandbox.fix}",
    )


async def _lacks(settings: Settings) -> str:
    """What keeps the named runtime from making boxes now, as the end of a sentence. It is taken
    all the same: an engine may come up later."""
    named = settings.runtime
    if named == "memory":
        return ""
    found = await (docker.available(settings) if named == "docker" else bubblewrap.available())
    return "" if found.usable else f", which makes no boxes now: {found.reason}. FIX: {found.fix}"


def _choice(settings: Settings, name: str, reason: str) -> Choice:
    made = _make(name, settings, "")
    return Choice(name, reason, made.capabilities.isolation)


async def _installed(say: Say) -> None:
    """Takes at most ten minutes. What goes wrong shows when bubblewrap is looked for."""
    if shutil.which("bwrap") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    say(f"installing {', '.join(PACKAGES)} from the distribution's packages")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update", "-qq"), INSTALL):
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(INSTALL_DEADLINE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def make(choice: Choice, settings: Settings, installation: str) -> Runtime:
    """The runtime object of that choice for this installation."""
    return _make(choice.name, settings, installation)


def _make(name: str, settings: Settings, installation: str) -> Runtime:
    if name == "docker":
        return docker.DockerRuntime(settings, installation)
    if name == "bubblewrap":
        return bubblewrap.BubblewrapRuntime(settings, installation)
    return MemoryRuntime(settings.state_dir / "memory")
