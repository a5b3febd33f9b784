"""Configuration that a person pastes into a client, as ``vibn up`` prints it.

``docs/clients.md`` says where each of them goes, and which were tried.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping

NAME = "vibn"
"""What the server is called in a client's list."""


def claude_code(url: str, token: str) -> str:
    """A command that adds the server to Claude Code."""
    header = shlex.quote(f"Authorization: Bearer {token}")
    return f"claude mcp add --transport http {NAME} {shlex.quote(url)} --header {header}"


def cursor(url: str, token: str) -> str:
    """For ``.cursor/mcp.json`` of a project, or ``~/.cursor/mcp.json``."""
    return _servers("mcpServers", {"url": url, "headers": _headers(token)})


def gemini_cli(url: str, token: str) -> str:
    """For ``.gemini/settings.json`` of a project, or ``~/.gemini/settings.json``."""
    entry = {"httpUrl": url, "headers": _headers(token), "timeout": 600_000}
    return _servers("mcpServers", entry)


def vs_code(url: str, token: str) -> str:
    """For ``.vscode/mcp.json`` of a project."""
    return _servers("servers", {"type": "http", "url": url, "headers": _headers(token)})


CLIENTS: Mapping[str, Callable[[str, str], str]] = {
    "Claude Code": claude_code,
    "Cursor (.cursor/mcp.json)": cursor,
    "Gemini CLI (.gemini/settings.json)": gemini_cli,
    "VS Code (.vscode/mcp.json)": vs_code,
}
"""A title for a person, and what makes the configuration of a URL and a token."""


def client_config(url: str, token: str) -> str:
    """All of them, one after the other, for a terminal."""
    return "\n\n".join(f"{title}\n{make(url, token)}" for title, make in CLIENTS.items())


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _servers(key: str, entry: Mapping[str, object]) -> str:
    return json.dumps({key: {NAME: entry}}, indent=2)
