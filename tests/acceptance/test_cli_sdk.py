"""The SDK's contract, of a real server with a real box: blocking and async."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from tests.acceptance.person import served
from tests.served import Served
from tests.unit.client.blocking import Blocking
from tests.unit.client.contract import *  # noqa: F403

from vibn.client import AsyncSandbox, Sandbox

__all__ = ["served"]

pytestmark = pytest.mark.bubblewrap

EMPTY = "find /workspace -mindepth 1 -delete"


@pytest.fixture(params=["blocking", "async"])
def box(served: Served, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox.get_or_create("shop", url=served.url, token=served.token) as box:
        box.commands.run(EMPTY).check()
        if request.param == "blocking":
            yield box
            return
    with asyncio.Runner() as runner:
        opened = AsyncSandbox.get_or_create("shop", url=served.url, token=served.token)
        with Blocking(runner.run(opened), runner.get_loop()) as again:
            yield cast(Sandbox, again)
