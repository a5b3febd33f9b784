"""Builds the image through the engine's API with its classic builder (Engine 20.10 and later)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiodocker

from vibn.errors import DeadlineExceeded, Unavailable
from vibn.runtimes import zipapp
from vibn.runtimes.docker.image import base as bases
from vibn.runtimes.docker.image import context as contexts
from vibn.runtimes.docker.image.engine import engine, steps

Progress = Callable[[str], None]

DEADLINE = 1800.0
"""Seconds for all of a build."""
SIZE_LIMIT = 500_000_000
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class BuiltImage:
    tag: str
    image_id: str
    size: int
    """Bytes, as the engine counts them: all layers, the base's too."""
    base: str
    agent_build: str
    """SHA-256 of the agent's file, as the agent says it in its ``hello``."""
    seconds: float


async def build(
    *,
    slim: bool = False,
    base: str = "",
    tag: str = "",
    ca_file: Path | None = None,
    progress: Progress = print,
    directory: Path = contexts.DIRECTORY,
) -> BuiltImage:
    """Build ``vibn-dev``; each line for the reader goes to ``progress``.

    ``base`` empty: Ubuntu 24.04 from a registry, or where none answers a base made from the
    distribution's packages. ``ca_file``: the bundle that downloads of the build trust; it is not
    in the image. Doing it again costs seconds: unchanged steps are cached.

    Raises RuntimeUnavailable (no engine), Unavailable (a step failed, or the base cannot be had),
    Unsupported (mmdebstrap is needed and missing), DeadlineExceeded, FileMissing.
    """
    begun = time.monotonic()
    tag = tag or f"vibn-dev:{'slim' if slim else 'latest'}"
    agent = await asyncio.to_thread(agent_file)
    agent_build = hashlib.sha256(agent).hexdigest()
    try:
        async with asyncio.timeout(DEADLINE), engine() as docker:
            chosen = await bases.choose(docker, base, progress)
            progress(f"building {tag} from {chosen}, agent {agent_build[:12]}")
            files = contexts.context(directory, agent, ca_file, slim=slim)
            variant = "slim" if slim else "full"
            with closing(await asyncio.to_thread(contexts.pack, files)) as packed:
                stream = docker.images.build(
                    fileobj=packed,
                    encoding="identity",
                    tag=tag,
                    forcerm=True,
                    buildargs={
                        "BASE_IMAGE": chosen,
                        **{name: os.environ[name] for name in PROXIES if os.environ.get(name)},
                    },
                    labels={
                        "vibn.image": variant,
                        "vibn.image.base": chosen,
                        "vibn.agent.build": agent_build,
                    },
                    stream=True,
                )
                await steps(stream, progress)
            built = await inspected(docker, tag)
    except TimeoutError as exc:
        raise DeadlineExceeded(
            f"The image was not built within {DEADLINE / 60:.0f} minutes.",
            hint="Run it again: the steps that were done are cached.",
        ) from exc
    result = BuiltImage(
        tag, *built, base=chosen, agent_build=agent_build, seconds=time.monotonic() - begun
    )
    if result.size > SIZE_LIMIT:
        progress(f"note: {tag} is larger than the {SIZE_LIMIT / 1e6:.0f} MB it is meant to stay in")
    progress(
        f"built {tag}: {result.size / 1e6:.0f} MB, base {chosen}, "
        f"agent {agent_build[:12]}, {result.seconds:.1f} s"
    )
    return result


def agent_file() -> bytes:
    """The agent's zipapp, compiled for this host's python3; another one runs it from source."""
    system = Path("/usr/bin/python3")
    python = str(system) if system.exists() else sys.executable
    with tempfile.TemporaryDirectory(prefix="vibn-agent-") as directory:
        return zipapp.build(Path(directory), python).read_bytes()


async def inspected(docker: aiodocker.Docker, tag: str) -> tuple[str, int]:
    try:
        image = await docker.images.inspect(tag)
    except aiodocker.DockerError as exc:
        raise Unavailable(f"The engine does not show {tag} after building it: {exc}") from exc
    return str(image["Id"]), int(image["Size"])
