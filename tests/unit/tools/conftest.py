"""The tools over the real services, on the memory store and the memory runtime."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.services.conftest import Gatehouse, gate

from vibn.authority import Access
from vibn.errors import VibnError
from vibn.services.calls import Caller
from vibn.tools import STANDARD, Answer, AnyTool, Toolbox

__all__ = ["gate"]

EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "shell_exec": {"command": "true"},
    "shell_start": {"command": "true"},
    "shell_read": {"id": "j1"},
    "shell_input": {"id": "j1"},
    "shell_kill": {"id": "j1"},
    "fs_read": {"file_path": "a.txt"},
    "fs_write": {"file_path": "a.txt", "content": "one\n"},
    "fs_edit": {"file_path": "a.txt", "old_string": "one", "new_string": "two"},
    "fs_delete": {"path": "a.txt"},
    "fs_glob": {"pattern": "*"},
    "fs_grep": {"pattern": "one"},
    "projects_create": {"slug": "blog"},
}
"""Arguments that each tool takes; the others take none."""


def by_name(name: str) -> AnyTool:
    return next(tool for tool in STANDARD if tool.name == name)


class Desk:
    """Calls tools for the holder of a token of the workspace, in the project ``shop``."""

    def __init__(self, toolbox: Toolbox, gate: Gatehouse, caller: Caller) -> None:
        self.toolbox = toolbox
        self.gate = gate
        self.caller = caller

    async def answer(self, tool: str, /, **arguments: object) -> Answer:
        return await self.toolbox.call(self.caller, tool, arguments, project="shop")

    async def text(self, tool: str, /, **arguments: object) -> str:
        return (await self.answer(tool, **arguments)).text

    async def error(self, tool: str, /, **arguments: object) -> VibnError:
        with pytest.raises(VibnError) as refused:
            await self.answer(tool, **arguments)
        return refused.value

    async def refused(
        self,
        name: str,
        arguments: Mapping[str, object],
        *,
        caller: Caller | None = None,
        project: str | None = None,
    ) -> VibnError:
        with pytest.raises(VibnError) as refused:
            await self.toolbox.call(caller or self.caller, name, arguments, project=project)
        return refused.value

    async def holder(self, project: str | None = None, access: Access = Access.FULL) -> Caller:
        return await self.gate.caller(project=project, access=access)


@pytest.fixture
async def desk(gate: Gatehouse) -> Desk:
    return Desk(Toolbox(gate.calls, STANDARD), gate, await gate.caller())
