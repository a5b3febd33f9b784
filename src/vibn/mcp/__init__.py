"""The MCP surface: the tools of the registry over streamable HTTP, in both protocol eras."""

from vibn.mcp.surface import McpSurface
from vibn.mcp.takeback import Relay

__all__ = ["McpSurface", "Relay"]
