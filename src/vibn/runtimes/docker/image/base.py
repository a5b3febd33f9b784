"""The base image: Ubuntu 24.04 of a registry, or one made from the distribution's packages.

Where no registry answers, mmdebstrap makes a minimal root file system of the distribution that
this host runs (Debian 12 elsewhere) from its package mirror, and the engine takes it as an image.
It is made once; remove the image to have it made anew.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiodocker
import aiohttp

from vibn.errors import Unavailable, Unsupported
from vibn.runtimes.docker.image import context as contexts
from vibn.runtimes.docker.image.engine import steps

DEFAULT = "ubuntu:24.04"
ANSWER = 15.0
"""Seconds that a registry has to begin its answer."""
PULL = 600.0
"""Seconds for all of a pull."""
MAKE = 900.0
"""Seconds for mmdebstrap."""
LABEL = "vibn.image.base.made"
EXCLUDED = ("doc", "man", "info", "locale")

Progress = Callable[[str], None]


async def choose(docker: aiodocker.Docker, asked: str, progress: Progress) -> str:
    """The name of a base image that this engine has when this returns.

    ``asked`` is taken as it is: when it can be had neither here nor from its registry, Unavailable.
    """
    name = asked or DEFAULT
    if await present(docker, name):
        progress(f"base {name}: here already")
        return name
    begun = time.monotonic()
    failure = await pull(docker, name)
    if not failure:
        progress(f"base {name}: pulled in {time.monotonic() - begun:.1f} s")
        return name
    if asked:
        raise Unavailable(
            f"The base image {asked} is not here and cannot be pulled: {failure}",
            hint="Load it (docker load), name another with --base, or leave --base out.",
        )
    progress(f"base {name}: no registry answers ({failure})")
    return await made(docker, progress)


async def present(docker: aiodocker.Docker, name: str) -> bool:
    try:
        await docker.images.inspect(name)
    except aiodocker.DockerError as exc:
        if exc.status == 404:
            return False
        raise Unavailable(f"The engine cannot tell whether it has {name}: {exc}") from exc
    return True


async def pull(docker: aiodocker.Docker, name: str) -> str:
    """Empty when it was pulled, else why not."""
    try:
        async with asyncio.timeout(PULL):
            messages = docker.images.pull(name, stream=True)
            async with asyncio.timeout(ANSWER):
                await anext(messages, None)
            async for _ in messages:
                pass
    except (aiodocker.DockerError, aiohttp.ClientError) as exc:
        return str(getattr(exc, "message", exc))
    except TimeoutError:
        return f"no answer within {ANSWER:.0f} s, or not finished within {PULL:.0f} s"
    return ""


def distribution(os_release: str) -> tuple[str, str]:
    """(id, suite) to make a base of: this host's own when it is one we know, else Debian 12."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    name = fields.get("ID", "").strip('"')
    suite = fields.get("VERSION_CODENAME", "").strip('"')
    return (name, suite) if name in ("debian", "ubuntu") and suite else ("debian", "bookworm")


def read_os_release() -> str:
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""


async def made(docker: aiodocker.Docker, progress: Progress) -> str:
    """The image of the distribution's packages, made when it is not here."""
    system, suite = distribution(await asyncio.to_thread(read_os_release))
    name = f"vibn-base:{suite}"
    if await present(docker, name):
        progress(f"base {name}: here already, made from packages of {system} {suite}")
        return name
    command = program()
    progress(f"base {name}: making it from packages of {system} {suite} with mmdebstrap")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vibn-base-") as directory:
        root = Path(directory) / "root.tar"
        await mmdebstrap(command, system, suite, root)
        progress(f"{time.monotonic() - begun:6.1f} s  mmdebstrap")
        files: dict[str, bytes | Path] = {
            "Dockerfile": b'FROM scratch\nADD root.tar /\nCMD ["/bin/bash"]\n',
            "root.tar": root,
        }
        with closing(await asyncio.to_thread(contexts.pack, files)) as packed:
            stream = docker.images.build(
                fileobj=packed,
                encoding="identity",
                tag=name,
                forcerm=True,
                labels={LABEL: f"{system} {suite}", "coolify.managed": "true"},
                stream=True,
            )
            await steps(stream, progress)
    return name


def program() -> str:
    found = shutil.which("mmdebstrap")
    if found is None:
        raise Unsupported(
            "No container registry answers, and mmdebstrap, which makes a base image from the "
            "distribution's packages, is not installed.",
            hint="Install it: apt-get install -y mmdebstrap",
        )
    return found


async def mmdebstrap(command: str, system: str, suite: str, target: Path) -> None:
    argv = [command, "--quiet", "--variant=minbase", "--include=ca-certificates"]
    argv += ["--aptopt=Acquire::Languages none"]
    argv += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in EXCLUDED]
    if system == "ubuntu":
        argv += ["--components=main,universe"]
    process = await asyncio.create_subprocess_exec(
        *argv,
        suite,
        str(target),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(MAKE):
            _, said = await process.communicate()
    except TimeoutError as exc:
        raise Unavailable(
            f"mmdebstrap did not finish within {MAKE / 60:.0f} minutes.",
            hint="Check that the distribution's package mirror answers: apt-get update",
        ) from exc
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 15)
            await process.wait()
    if process.returncode:
        last = " | ".join(said.decode(errors="replace").strip().splitlines()[-3:])
        raise Unavailable(
            f"mmdebstrap could not make the base image: {last}",
            hint="Check that the distribution's package mirror answers: apt-get update",
        )
