"""The contract, of the fake: in memory and over HTTP, blocking and async."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import cast

import pytest
from tests.unit.client.blocking import Blocking
from tests.unit.client.contract import *  # noqa: F403
from tests.unit.client.shell import shell
from tests.unit.client.tiny import Tiny, listening

from vibn.client import AsyncSandbox, Sandbox
from vibn.client.testing import FakeServer


@pytest.fixture
def server() -> FakeServer:
    fake = FakeServer()
    fake.on(re.compile(".*", re.DOTALL), shell)
    return fake


@pytest.fixture(params=["memory", "http"])
def url(server: FakeServer, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "memory":
        yield server.url
        return
    with listening(Tiny(server)) as url:
        yield url


@pytest.fixture(params=["blocking", "async"])
def box(server: FakeServer, url: str, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param == "blocking":
        with Sandbox.get_or_create("shop", url=url, token=server.token) as box:
            yield box
        return
    with asyncio.Runner() as runner:
        opened = AsyncSandbox.get_or_create("shop", url=url, token=server.token)
        with Blocking(runner.run(opened), runner.get_loop()) as box:
            yield cast(Sandbox, box)
