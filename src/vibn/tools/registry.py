"""Which tools a server offers, in the order in which they are listed."""

from __future__ import annotations

from vibn.tools import devcontainer, files, jobs, projects, search, shell
from vibn.tools.tool import AnyTool

STANDARD: tuple[AnyTool, ...] = (
    *devcontainer.TOOLS,
    *shell.TOOLS,
    *jobs.TOOLS,
    *files.TOOLS,
    *search.TOOLS,
    *projects.TOOLS,
)
