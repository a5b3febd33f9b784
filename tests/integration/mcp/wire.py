"""Requests as a program without an SDK sends them, in each era."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

MODERN = "2026-07-28"
HANDSHAKE = "2025-11-25"
ERAS = (HANDSHAKE, MODERN)
_META = "io.modelcontextprotocol/"


@dataclass
class Wire:
    """``session`` is what ``initialize`` gave, for the handshake eras."""

    http: httpx2.AsyncClient
    url: str
    version: str
    token: str
    session: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def request(
        self, method: str, params: dict[str, Any] | None = None, request_id: object = 1
    ) -> httpx2.Request:
        """``request_id`` None: a notification."""
        params = dict(params or {})
        if self.version == MODERN:
            params["_meta"] = {
                **params.get("_meta", {}),
                f"{_META}protocolVersion": MODERN,
                f"{_META}clientCapabilities": {},
                f"{_META}clientInfo": {"name": "wire", "version": "1"},
            }
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if request_id is not None:
            message["id"] = request_id
        return self.http.build_request(
            "POST", self.url, json=message, headers=self._headers(method, params)
        )

    async def send(self, method: str, params: dict[str, Any] | None = None) -> httpx2.Response:
        return await self.http.send(self.request(method, params))

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """The result of a tool, or the protocol's error."""
        answered = await self.send("tools/call", {"name": tool, "arguments": arguments})
        message = message_in(answered)
        return message.get("result") or message["error"]

    async def initialize(self) -> dict[str, Any]:
        params = {
            "protocolVersion": self.version,
            "capabilities": {},
            "clientInfo": {"name": "wire", "version": "1"},
        }
        answered = await self.send("initialize", params)
        self.session = answered.headers["mcp-session-id"]
        return message_in(answered)["result"]

    def _headers(self, method: str, params: dict[str, Any]) -> dict[str, str]:
        headers = {
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}",
            "MCP-Protocol-Version": self.version,
            **self.headers,
        }
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if self.version == MODERN:
            headers["Mcp-Method"] = method
            headers |= {"Mcp-Name": params["name"]} if "name" in params else {}
        return headers


def message_in(answered: httpx2.Response) -> dict[str, Any]:
    """The last message of a JSON or an SSE answer."""
    if answered.headers["content-type"].startswith("application/json"):
        return json.loads(answered.text)
    rows = [row[6:] for row in answered.text.splitlines() if row.startswith("data: ")]
    return json.loads(rows[-1])
