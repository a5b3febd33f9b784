# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/tools.py.
"""The tools that the server offers to an AI, called as an AI would."""

from __future__ import annotations

from collections.abc import Mapping

from vibn.client._sync.link import Link
from vibn.client.decode import decode, items
from vibn.client.request import Request, get, segment
from vibn.client.values import Tool, ToolAnswer

LONGEST = 3600.0 + 180.0
"""Seconds: the server's longest command, in a box that is made first."""


class Tools:
    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> tuple[Tool, ...]:
        return items(Tool, self._link.call(get("/tools")), "tools")

    def call(
        self, name: str, arguments: Mapping[str, object], *, project: str | None = None
    ) -> ToolAnswer:
        """``project``: for a tool that works in one. Raises ToolNotFound, InvalidInput."""
        where = f"/projects/{segment(project)}" if project is not None else ""
        path = f"{where}/tools/{segment(name)}"
        request = Request("POST", path, body=dict(arguments), deadline=LONGEST)
        return decode(ToolAnswer, self._link.call(request))
