"""Two tenants on each real runtime: the attacker's box, and what belongs to others."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.acceptance.conftest import REAL, usable

from vibn.app import App, open_app
from vibn.config import Settings
from vibn.errors import ProjectNotFound

ATTACKER = ("acme", "attacker")
SIBLING = ("acme", "sibling")
STRANGER = ("globex", "stranger")


@dataclass(frozen=True, slots=True)
class Attack:
    """A control plane, and a shell in the attacker's box."""

    app: App
    runtime: str
    directory: Path

    async def run(self, command: str, stdin: str = "", user: str = "vibn") -> str:
        """What the command printed, on both streams. It may take at most 30 s."""
        done = await self.app.shell.exec(
            *ATTACKER, command, stdin=stdin.encode(), user=user, timeout_ms=30_000
        )
        return done.stdout + done.stderr

    async def python(self, program: str, stdin: str = "", user: str = "vibn") -> str:
        await self.app.shell.exec(*ATTACKER, "cat >/tmp/attack.py", stdin=program.encode())
        return await self.run("python3 -I /tmp/attack.py", stdin, user)

    async def make(self, place: tuple[str, str]) -> None:
        await self.app.projects.ensure(*place)

    async def hang_up(self) -> None:
        """Close the channels, so that the next call dials again."""
        for box in await self.app.runtime.list():
            await self.app.pool.drop(box.ref)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, for socket paths; open to the boxes' users; removed with all that is in it."""
    made = Path(tempfile.mkdtemp(prefix="vx"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(params=REAL)
async def attack(request: pytest.FixtureRequest, directory: Path) -> AsyncIterator[Attack]:
    settings = Settings(
        state_dir=directory,
        runtime=request.param,
        dev_mem_limit=str(192 << 20),
        dev_pids_limit=96,
        dev_disk_limit="64m",
    )
    async with open_app(await usable(settings)) as app:
        await app.projects.ensure(*ATTACKER)
        try:
            yield Attack(app, request.param, directory)
        finally:
            for place in (ATTACKER, SIBLING, STRANGER):
                with contextlib.suppress(ProjectNotFound):
                    await app.projects.delete(*place)


@pytest.fixture
def token() -> str:
    """A word that occurs nowhere else."""
    return f"w{secrets.token_hex(6)}"


@pytest.fixture
def rooted() -> None:
    if os.geteuid() != 0:
        pytest.skip("without root all boxes are this user, and the host has no guard")
