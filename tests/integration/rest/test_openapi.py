"""schemathesis, with all its checks, against the running surface: real services, the memory store
and the memory runtime."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.integration.rest.uvicorns import listening
from tests.unit.rest.conftest import ADMIN, Server, serving

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ST = Path(sys.executable).with_name("st")
EACH = ("--phases", "examples,coverage,fuzzing", "--max-examples", "10")
TOGETHER = ("--phases", "stateful", "--max-examples", "10")
ANOTHER_MISSING = "/box/(recreate|resume)$|/tools/|/(move|exec|jobs|tokens)$"
"""Their 404 tells of a box, or of what a body names: one check would take it for that of what was
just made, so they are tried without that check."""
OPERATORS = "^/api/admin|/workspaces|/audit/verify"


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """Made-up commands run on this host in this runtime: they find no program."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    async with serving(tmp_path) as opened:
        yield opened


class ForSchemathesis:
    """Hangs up on watches after their first event, for they have no end; with ``kept`` there is
    always a project shop, whatever was deleted."""

    def __init__(self, server: Server, kept: bool) -> None:
        self._server = server
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._kept:
            await self._server.deps.projects.ensure("acme", "shop")
        app = self._server.app
        if str(scope.get("path")).endswith("/watch"):
            await _until_the_first_event(app, scope, receive, send)
        else:
            await app(scope, receive, send)


async def _until_the_first_event(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    told = asyncio.Event()

    async def heard(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.body":
            told.set()

    serving = asyncio.create_task(app(scope, receive, heard))
    first = asyncio.create_task(told.wait())
    await asyncio.wait({serving, first}, return_when=asyncio.FIRST_COMPLETED)
    first.cancel()
    if not serving.done():
        serving.cancel()
        await asyncio.wait({serving})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def check(address: str, credential: str, *options: str, project: str = "") -> None:
    """``project`` is the one that all operations are tried on; else any that comes along."""
    config = Path(os.environ["PATH"]) / "schemathesis.toml"
    fixed = f'\n[parameters]\nproject = "{project}"\n' if project else ""
    config.write_text((HERE / "schemathesis.toml").read_text() + fixed)
    environment = {
        **os.environ,
        "VIBN_CREDENTIAL": credential,
        "SCHEMATHESIS_HOOKS": "tests.integration.rest.media",
        "PYTHONPATH": str(HERE.parents[2]),
    }
    run = await asyncio.create_subprocess_exec(
        ST, "--config-file", config, "run",
        f"http://{address}/api/v1/openapi.json", "--checks", "all", "--no-color", *options,
        env=environment, cwd=os.environ["PATH"],
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(400):
        output, _ = await run.communicate()
    assert run.returncode == 0, output.decode(errors="replace")


def token_of(server: Server) -> str:
    return str(server.client.headers["Authorization"]).removeprefix("Bearer ")


async def test_every_operation_does_what_the_document_says(server: Server) -> None:
    async with listening(ForSchemathesis(server, kept=True)) as address:
        await check(
            address, token_of(server), "--exclude-path-regex", OPERATORS, *EACH, project="shop"
        )


async def test_so_do_operations_that_follow_each_other(server: Server) -> None:
    apart = f"{OPERATORS}|{ANOTHER_MISSING}"
    async with listening(ForSchemathesis(server, kept=False)) as address:
        await check(address, token_of(server), "--exclude-path-regex", apart, *TOGETHER)


async def test_so_do_all_others_that_follow_each_other(server: Server) -> None:
    some = ("--exclude-path-regex", OPERATORS, "--exclude-checks", "ensure_resource_availability")
    async with listening(ForSchemathesis(server, kept=False)) as address:
        await check(address, token_of(server), *some, *TOGETHER)


async def test_every_operation_of_operators_does_too(server: Server) -> None:
    async with listening(ForSchemathesis(server, kept=False)) as address:
        await check(address, ADMIN, "--include-path-regex", OPERATORS, *EACH)


async def test_so_do_those_of_operators_that_follow_each_other(server: Server) -> None:
    async with listening(ForSchemathesis(server, kept=False)) as address:
        await check(
            address, ADMIN, "--include-path-regex", OPERATORS,
            "--exclude-path-regex", ANOTHER_MISSING, *TOGETHER,
        )  # fmt: skip
