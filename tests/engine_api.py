"""The local engine's API on a TCP port of the loopback interface: an engine that shares no file
system with the control plane, as far as that can tell."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from vibn.config import Settings
from vibn.runtimes.docker import DockerRuntime
from vibn.runtimes.docker.engine import engine_url


class EngineApi:
    """A forwarder in the running loop; ``port`` is its port once it is open."""

    def __init__(self) -> None:
        self.port = 0
        self._path = engine_url().removeprefix("unix://")
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    async def open(self) -> None:
        if not Path(self._path).is_socket():
            raise FileNotFoundError(self._path)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """End every connection, as a network does."""
        for task in self._running:
            task.cancel()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        from_engine, to_engine = await asyncio.open_unix_connection(self._path)
        try:
            await asyncio.gather(_copy(reader, to_engine), _copy(from_engine, writer))
        except asyncio.CancelledError:
            pass  # cut: the connection just ends
        finally:
            to_engine.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # also of an end that is gone already, which is none
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class RuntimeOverTcp(DockerRuntime):
    """The runtime together with the forwarder that it talks through."""

    def __init__(self, settings: Settings, installation: str, api: EngineApi) -> None:
        super().__init__(settings, installation, url=api.url)
        self.api = api

    async def close(self) -> None:
        await super().close()
        await self.api.close()
