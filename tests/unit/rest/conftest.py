"""The REST surface over real services, on the memory store and the memory runtime."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import httpx2
import pytest
from fastapi import FastAPI

from vibn.authority import Access
from vibn.channel import Pool
from vibn.config import Settings
from vibn.rest import RestDeps, build
from vibn.runtimes.memory import MemoryRuntime
from vibn.services.admin import AdminSecret
from vibn.services.audit import Audit
from vibn.services.calls import Calls
from vibn.services.clock import SystemClock
from vibn.services.disk import DiskGauge
from vibn.services.environment import Environment
from vibn.services.killswitch import KillSwitch
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import Faults
from vibn.services.limits import CallLimits
from vibn.services.projects import Projects
from vibn.services.sealing import Keyring
from vibn.services.secrets import Secrets
from vibn.services.switchboard import Switchboard
from vibn.services.tokens import Tokens
from vibn.store.memory import MemoryStore
from vibn.tools import STANDARD, Toolbox

ADMIN = "the admin secret"


@dataclass(frozen=True)
class Server:
    app: FastAPI
    deps: RestDeps
    audit: Audit
    client: httpx2.AsyncClient
    """Sends a token of the workspace acme with each request."""

    async def token(self, workspace: str = "acme", **more: object) -> Mapping[str, str]:
        issued = await self.deps.tokens.issue(workspace, "test", **more)  # type: ignore[arg-type]
        return bearer(issued.text)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


OPERATOR = bearer(ADMIN)
READ = Access.READ


@asynccontextmanager
async def serving(directory: Path, limits: CallLimits | None = None) -> AsyncIterator[Server]:
    """Workspace acme has the project shop, workspace other has theirs."""
    store, clock, faults = MemoryStore(), SystemClock(), Faults([].append)
    runtime = MemoryRuntime(directory)
    pool, settings = Pool(runtime.connect), Settings(state_dir=directory)
    secrets = Secrets(store, Keyring(directory / "secrets.keys"), faults)
    environment, gauge = Environment(secrets), DiskGauge(True, settings.limits)
    boxes = Boxes(
        store, runtime, pool, clock, ids, settings, environment, lambda _: None, faults=faults
    )
    projects, tokens = Projects(store, boxes, clock, ids, faults), Tokens(store, clock, ids)
    async with Audit(store.trail, directory, clock) as audit:
        calls = Calls(
            tokens, AdminSecret(ADMIN), limits or CallLimits(0, 1, 0), audit, boxes, pool,
            environment, gauge, clock, projects, secrets,
        )  # fmt: skip
        killswitch = KillSwitch(store.switches, clock, "r1", calls.kill)
        calls.guarded_by(killswitch)
        await projects.ensure("acme", "shop")
        await projects.ensure("other", "theirs")
        await killswitch.open()
        deps = RestDeps(
            calls=calls,
            toolbox=Toolbox(calls, STANDARD),
            store=store,
            projects=projects,
            tokens=tokens,
            switchboard=Switchboard(killswitch, store, pool, clock),
            audit=audit,
            limits=settings.limits,
            request_id=lambda _: f"r{next(numbers)}",
        )
        app = build(deps)
        issued = await tokens.issue("acme", "test")
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://vibn", headers=bearer(issued.text)
        ) as client:
            yield Server(app, deps, audit, client)
        await calls.close(grace=0)
        await killswitch.close()
    await boxes.close()
    await pool.close()
    for box in await runtime.list():
        await runtime.remove(box.ref, volumes=True)
    await runtime.close()


numbers = itertools.count()


def ids() -> str:
    return token_hex(8)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> httpx2.AsyncClient:
    return server.client
