"""One operation that is offered to an AI, declared once; every surface is made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from vibn.services.calls import Call, Purpose
from vibn.tools.aliases import Alias
from vibn.tools.arguments import Arguments
from vibn.tools.schema import portable

A = TypeVar("A", bound=Arguments)
R = TypeVar("R")


@dataclass(frozen=True)
class Tool(Generic[A, R]):
    """``run`` does the work within an admitted call, ``render`` tells its result to a model.

    ``box``: the kill switch refuses it. ``in_project``: it works in one project, which the call
    names where the surface serves several. ``workspace_wide``: not for who is held to one
    project. ``paths`` are the arguments that name files, for the audit row. What is not
    ``read_only`` is refused to read-only tokens; ``destructive`` may take away what was there,
    ``idempotent`` done twice is as done once, ``open_world`` reaches beyond the box.
    """

    name: str
    title: str
    description: str
    arguments: type[A]
    result: type[R]
    run: Callable[[Call, A], Awaitable[R]]
    render: Callable[[R], str]
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False
    box: bool = True
    in_project: bool = True
    workspace_wide: bool = False
    paths: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()

    @property
    def purpose(self) -> Purpose:
        return Purpose(self.name, not self.read_only, self.box, self.workspace_wide)

    def schema(self, *, project: bool = False) -> dict[str, object]:
        """A JSON Schema of its arguments, in the portable subset. With ``project`` that of a
        surface which serves several: a tool that works in one has it as its first argument."""
        return portable(self.arguments, project and self.in_project)

    def result_schema(self) -> dict[str, object]:
        """A JSON Schema of ``document``'s answers; it may hold references."""
        return self._adapter.json_schema(mode="serialization")

    def document(self, value: R) -> object:
        """``value`` as JSON has it."""
        return self._adapter.dump_python(value, mode="json")

    @cached_property
    def _adapter(self) -> TypeAdapter[R]:
        return TypeAdapter(self.result)

    def paths_in(self, arguments: Mapping[str, object]) -> tuple[str, ...]:
        """The files that a call names, also one whose arguments were not checked yet."""
        found = (arguments.get(name) for name in self.paths)
        return tuple(path for path in found if isinstance(path, str))


AnyTool = Tool[Any, Any]
