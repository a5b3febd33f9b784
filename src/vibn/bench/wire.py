"""A client that costs next to nothing: on two cores it shares them with the server it measures.

It speaks HTTP/1.1 over one kept connection and MCP of 2026-07-28, as far as the benchmark needs.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

from vibn.errors import Unavailable

VERSION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}


class Wire:
    """One connection; one request at a time."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._common = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def tool(self, name: str, **arguments: object) -> None:
        """Call it over MCP. Raises Unavailable for any answer but its success."""
        params = {"name": name, "arguments": arguments, "_meta": _META}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = (
            "Accept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: {VERSION}\r\nMcp-Method: tools/call\r\nMcp-Name: {name}\r\n"
        )
        answer = await self.send("POST", "/api/mcp", message, headers)
        if b'"isError":true' in answer or b'"error"' in answer[:200]:
            raise Unavailable(f"{name} failed: {answer[:300].decode(errors='replace')}")

    async def rest(self, method: str, path: str, body: object = None) -> bytes:
        return await self.send(method, path, body, "")

    async def send(self, method: str, path: str, body: object, headers: str) -> bytes:
        if self._writer is None:
            connection = asyncio.open_connection(self._host, self._port, limit=1 << 24)
            self._reader, self._writer = await connection
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._common}{headers}"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)
        return await self._answer()

    async def _answer(self) -> bytes:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length:" in head:
            size = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            body = await self._reader.readexactly(size)
        else:
            body = await self._chunks()
        status = head.split(b" ", 2)[1]
        if not status.startswith(b"2"):
            raise Unavailable(f"HTTP {status.decode()}: {body[:300].decode(errors='replace')}")
        return body

    async def _chunks(self) -> bytes:
        assert self._reader is not None
        parts: list[bytes] = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
