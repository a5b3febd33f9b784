"""``/healthz``: the process answers. ``/readyz``: calls would be served. ``/metrics``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vibn.errors import ShuttingDown, StoreUnavailable, VibnError
from vibn.problem import problem
from vibn.server.metrics import CONTENT_TYPE, Metrics
from vibn.store.base import Store

WITHIN = 2.0
"""Seconds in which the database has to answer a server that is ready."""


class Health:
    def __init__(self, store: Store, closing: Callable[[], bool], metrics: Metrics) -> None:
        self._store = store
        self._closing = closing
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self._alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._read, methods=["GET"]),
        ]

    async def _alive(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        """A state of the kill switch does not matter: a server that refuses is ready."""
        try:
            if self._closing():
                raise ShuttingDown("This server is shutting down.")
            async with asyncio.timeout(WITHIN):
                await self._store.switches.all()
        except TimeoutError:
            return problem(StoreUnavailable("The database did not answer in time."))
        except VibnError as error:
            return problem(error)
        return _json({"status": "ready"})

    async def _read(self, _: Request) -> Response:
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _json(value: object) -> Response:
    return Response(json.dumps(value), media_type="application/json")
