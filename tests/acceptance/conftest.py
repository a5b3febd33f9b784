"""A whole control plane on each real runtime; the first call makes the project's box."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from vibn.app import App, open_app
from vibn.config import Settings
from vibn.runtimes import bubblewrap, docker

PLACE = ("acme", "shop")
MEMORY = 192 << 20

REAL = [
    pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
    pytest.param("docker", marks=pytest.mark.docker),
]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, for socket paths; open to the boxes' users; removed with all that is in it."""
    made = Path(tempfile.mkdtemp(prefix="va"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def usable(settings: Settings) -> Settings:
    """The settings with an image that exists; skips with the reason where there is none."""
    if settings.runtime == "bubblewrap":
        sandbox = await bubblewrap.available()
        if not sandbox.usable:
            pytest.skip(f"bubblewrap: {sandbox.reason}")
        return settings
    why = ""
    for image in filter(None, (os.environ.get("VIBN_TEST_IMAGE"), "vibn-dev:slim", "vibn-dev")):
        named = settings.model_copy(update={"dev_image": image})
        engine = await docker.available(named)
        if engine.usable:
            return named
        why = engine.reason
    pytest.skip(f"docker: {why}")


@pytest.fixture(params=REAL)
async def app(request: pytest.FixtureRequest, directory: Path) -> AsyncIterator[App]:
    """Project ``PLACE`` exists; its box, and what it leaves, is removed afterwards."""
    settings = Settings(
        state_dir=directory,
        runtime=request.param,
        dev_mem_limit=str(MEMORY),
        dev_pids_limit=64,
        dev_disk_limit="96m",
    )
    async with open_app(await usable(settings)) as opened:
        await opened.projects.ensure(*PLACE)
        try:
            yield opened
        finally:
            await opened.projects.delete(*PLACE)


@pytest.fixture
def token() -> str:
    """A word that occurs nowhere else."""
    return f"w{secrets.token_hex(6)}"
