"""A server with the real services, on the memory runtime with its real agents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from tests.integration.mcp import npm
from tests.integration.mcp.fixture_tools import FIXTURES
from tests.integration.mcp.host import Bearing, app_of, request_ids, served
from tests.unit.services.conftest import Gatehouse, gate

from vibn.mcp import McpSurface
from vibn.store.relay import Relay
from vibn.tools import STANDARD, Toolbox

__all__ = ["gate"]

BODY_LIMIT = 1 << 20


@dataclass(frozen=True)
class Served:
    """``url`` is the server's, ``token`` one of the whole workspace."""

    url: str
    token: str
    gate: Gatehouse

    @property
    def everywhere(self) -> str:
        return f"{self.url}/api/mcp"

    @property
    def shop(self) -> str:
        return f"{self.url}/api/projects/shop/mcp"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def surface_of(toolbox: Toolbox, gate: Gatehouse, relay: Relay | None = None) -> McpSurface:
    return McpSurface(
        toolbox,
        gate.calls,
        request_id=request_ids(),
        body_limit=BODY_LIMIT,
        relay=relay,
    )


@pytest.fixture
async def server(gate: Gatehouse) -> AsyncIterator[Served]:
    surface = surface_of(Toolbox(gate.calls, STANDARD), gate)
    token = (await gate.caller()).credential
    async with served(app_of(surface)) as url:
        yield Served(url, token, gate)


@pytest.fixture
async def fixtures(gate: Gatehouse) -> AsyncIterator[Served]:
    """A server of the fixture tools, which lets in who names no token."""
    surface = surface_of(Toolbox(gate.calls, FIXTURES), gate)
    token = (await gate.caller()).credential
    async with served(Bearing(app_of(surface), token)) as url:
        yield Served(url, token, gate)


@pytest.fixture
def npm_programs() -> None:
    npm.install()
