"""The connection to the engine. What its client raises becomes an error of ours here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp

from vibn.errors import BoxFailed, Conflict, NotFound, RuntimeUnavailable, VibnError

SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
NO_CONNECTION = 900
"""The status that the client gives a connection that failed."""


def engine_url(environment: Mapping[str, str] | None = None) -> str:
    """``DOCKER_HOST``, else the local socket. It need not answer."""
    named = (os.environ if environment is None else environment).get("DOCKER_HOST", "")
    if named:
        return named
    found = [path for path in SOCKETS if Path(path).is_socket()]
    return f"unix://{found[0] if found else SOCKETS[0]}"


def translated(exc: Exception, doing: str) -> VibnError:
    """The error of ours for one of the client's; ``doing`` completes "could not ..."."""
    if isinstance(exc, aiodocker.DockerError) and exc.status != NO_CONNECTION:
        text = f"The engine could not {doing}: {exc.message}"
        if exc.status == 404 and "no such image" in exc.message.lower():
            return BoxFailed(text, hint="Build it: `vibn image build`.")
        if exc.status == 404:
            return NotFound(text)
        if exc.status == 409:
            return Conflict(text)
        return BoxFailed(text)
    if isinstance(exc, TimeoutError):
        return RuntimeUnavailable(f"The engine did not {doing} in time.")
    return RuntimeUnavailable(f"The engine does not answer (to {doing}): {exc}")


class Engine:
    """One client, opened at its first use inside the running loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.local = url.startswith("unix://")
        """Whether the engine may be on this host at all; only a look can tell that it is."""
        self._client: aiodocker.Docker | None = None
        self._info: dict[str, Any] | None = None

    @property
    def client(self) -> aiodocker.Docker:
        if self._client is None:
            # ``connect`` bounds the waiting for a connection; each call has its own deadline.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
            try:
                self._client = aiodocker.Docker(url=self.url, timeout=timeout)
            except (ValueError, OSError, ImportError) as exc:
                raise RuntimeUnavailable(
                    f"DOCKER_HOST={self.url} cannot be used: {exc}",
                    hint="Use unix:///path/to/docker.sock or tcp://host:port.",
                ) from exc
        return self._client

    @asynccontextmanager
    async def call(self, doing: str, deadline: float = 30.0) -> AsyncIterator[aiodocker.Docker]:
        """The client, for calls that together take at most ``deadline`` seconds."""
        try:
            async with asyncio.timeout(deadline):
                yield self.client
        except (aiodocker.DockerError, aiohttp.ClientError, OSError) as exc:
            if isinstance(exc, VibnError):
                raise
            raise translated(exc, doing) from exc

    async def info(self) -> Mapping[str, Any]:
        """What the engine says of itself, asked once a connection."""
        if self._info is None:
            async with self.call("describe itself", 10) as client:
                self._info = dict(await client.system.info())
        return self._info

    async def close(self) -> None:
        client, self._client, self._info = self._client, None, None
        if client is not None:
            await client.close()
