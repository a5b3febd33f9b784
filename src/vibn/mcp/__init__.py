"""The MCP surface: the tools of the registry over streamable HTTP, in both protocol eras."""

from vibn.mcp.surface import McpSurface

__all__ = ["McpSurface"]
