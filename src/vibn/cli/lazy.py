"""A group of commands whose modules are loaded when one is called: `vibn --help` loads none."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """``module`` holds the Typer app ``app``; ``help`` is its line in the list."""

    name: str
    module: str
    app: str
    help: str


class LazyGroup(TyperGroup):
    """``sections`` are the lists of the help page, by their heading."""

    sections: ClassVar[dict[str, tuple[Entry, ...]]] = {}

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        # Stubs: what suggestions and completion need to know of a command.
        self.commands = {
            e.name: TyperCommand(e.name, help=e.help) for e in self._entries().values()
        }

    def list_commands(self, _: Any) -> list[str]:
        return list(self._entries())

    def get_command(self, _: Any, cmd_name: str) -> Any:
        entry = self._entries().get(cmd_name)
        return entry and _loaded(entry)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        stubs = TyperGroup(name=self.name, commands=dict(self.commands), params=self.params)
        return stubs.shell_complete(ctx, incomplete)

    def format_commands(self, _: Any, formatter: Any) -> None:
        width = max(len(name) for name in self._entries())
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{e.name:{width}}", e.help) for e in entries])

    def _entries(self) -> dict[str, Entry]:
        return {entry.name: entry for entries in self.sections.values() for entry in entries}


def _loaded(entry: Entry) -> Any:
    app = getattr(importlib.import_module(entry.module), entry.app)
    command = typer.main.get_command(app)
    command.name = entry.name
    return command
