"""The tools as ``tools/list`` tells of them: those that the caller can use, where it calls.

A tool that would be refused each time costs a model its context and a turn. So a read-only token
sees the tools that read, and where one project is served there are none for the whole workspace.
Calling such a tool by its name still says why it is refused.
"""

from __future__ import annotations

import mcp_types as types

from vibn.authority import Access
from vibn.mcp.exchange import Exchange
from vibn.tools import AnyTool, Toolbox
from vibn.tools.dialects import mcp


class Listing:
    """Each list is made once: there are four."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        self._made: dict[tuple[bool, bool], types.ListToolsResult] = {}

    def for_exchange(self, exchange: Exchange) -> types.ListToolsResult:
        """Tools take their project as an argument, unless the address or the token names it."""
        token = exchange.token
        one_project = exchange.project is not None or token.project is not None
        reading = token.access is Access.READ
        if (one_project, reading) not in self._made:
            self._made[one_project, reading] = self._list(one_project, reading)
        return self._made[one_project, reading]

    def _list(self, one_project: bool, reading: bool) -> types.ListToolsResult:
        useful = [t for t in self._toolbox.tools.values() if _useful(t, one_project, reading)]
        shown = [mcp(tool, project=not one_project) for tool in useful]
        return types.ListToolsResult.model_validate({"tools": shown})


def _useful(tool: AnyTool, one_project: bool, reading: bool) -> bool:
    return not (reading and tool.purpose.writes) and not (one_project and tool.workspace_wide)
