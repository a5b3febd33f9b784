"""Two real servers on one PostgreSQL, with a real box: MCP does not care which one answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.integration.mcp.test_cancelling import alive, dead, takeback, under_way
from tests.integration.mcp.wire import ERAS, HANDSHAKE, Wire, message_in
from tests.integration.server.conftest import Start, start

__all__ = ["start"]

pytestmark = [pytest.mark.bubblewrap, pytest.mark.postgres]


@pytest.fixture
async def pair(postgres_url: str, start: Start) -> AsyncIterator[tuple[Wire, Wire]]:
    first = start(VIBN_DATABASE_URL=postgres_url)
    second = start(VIBN_DATABASE_URL=postgres_url)
    async with httpx2.AsyncClient(timeout=60) as http:
        one = Wire(http, f"{first.url}/api/mcp", HANDSHAKE, first.token)
        await one.call("projects_create", slug="shop")
        wires = [
            Wire(http, f"{server.url}/api/projects/shop/mcp", HANDSHAKE, first.token)
            for server in (first, second)
        ]
        yield wires[0], wires[1]


async def test_a_takeback_sent_to_one_kills_what_the_other_runs(pair: tuple[Wire, Wire]):
    here, there = pair
    await here.initialize()
    there.session = here.session
    async with under_way(here) as call:
        assert "child" in await alive(there)
        assert (await there.http.send(takeback(there))).status_code == 202
        assert message_in(await call)["error"]["code"] == -32800
        await dead(here)


@pytest.mark.parametrize("version", ERAS)
async def test_a_client_may_alternate_between_them(version: str, pair: tuple[Wire, Wire]):
    await pair[0].initialize()
    for number, wire in enumerate(pair * 2):
        wire.version, wire.session = version, pair[0].session
        result = await wire.call("shell_exec", command="echo x >> lines; wc -l < lines")
        assert result["content"][0]["text"].startswith(f"{number + 1}\n")


@pytest.mark.parametrize("version", ERAS)
async def test_a_client_that_leaves_takes_its_command_with_it(
    version: str, pair: tuple[Wire, Wire]
):
    here, there = pair
    here.version = version
    async with under_way(here):
        assert "child" in await alive(there)
    await dead(there)
