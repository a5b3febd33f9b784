"""The surface on a real server, over boxes of the bubblewrap runtime."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.integration.rest.uvicorns import listening

from vibn.app import App, Gate, open_app, open_gate
from vibn.config import Settings
from vibn.rest import RestDeps, build
from vibn.runtimes import bubblewrap
from vibn.services.admin import AdminSecret

ADMIN = "the admin secret"
SHOP = "/api/v1/projects/shop"


@dataclass(frozen=True)
class Served:
    app: App
    gate: Gate
    address: str
    client: httpx2.AsyncClient

    async def token(self) -> tuple[str, Mapping[str, str]]:
        """The id of a new token, and the header that carries it."""
        issued = await self.gate.tokens.issue("acme", "test")
        return issued.token.id, {"Authorization": f"Bearer {issued.text}"}

    async def sh(self, command: str) -> str:
        """What it prints in the box."""
        answer = await self.client.post(f"{SHOP}/exec", json={"command": command})
        return str(answer.json()["stdout"]).strip()

    async def until(self, command: str, printed: str) -> None:
        """Waits until the command prints this."""
        async with asyncio.timeout(30):
            while await self.sh(command) != printed:
                await asyncio.sleep(0.05)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, for socket paths; open to the boxes' users."""
    made = Path(tempfile.mkdtemp(prefix="vr"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
async def served(directory: Path) -> AsyncIterator[Served]:
    sandbox = await bubblewrap.available()
    if not sandbox.usable:
        pytest.skip(f"bubblewrap: {sandbox.reason}")
    numbers = itertools.count()
    settings = Settings(state_dir=directory, runtime="bubblewrap", dev_mem_limit="256m")
    async with (
        open_app(settings) as app,
        open_gate(app, AdminSecret(ADMIN), lambda _: None) as gate,
    ):
        deps = RestDeps(
            calls=gate.calls,
            toolbox=gate.toolbox,
            store=app.store,
            projects=app.projects,
            tokens=gate.tokens,
            switchboard=gate.switchboard,
            audit=gate.audit,
            limits=settings.limits,
            request_id=lambda _: f"r{next(numbers)}",
        )
        await app.projects.ensure("acme", "shop")
        issued = await gate.tokens.issue("acme", "test")
        headers = {"Authorization": f"Bearer {issued.text}"}
        async with (
            listening(build(deps)) as address,
            httpx2.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=60) as client,
        ):
            yield Served(app, gate, address, client)
        await app.projects.delete("acme", "shop")
