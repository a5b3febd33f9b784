"""Tools: the operations that the server offers to an AI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    """``input_schema`` is a JSON schema of its arguments; ``in_project``: a call names one."""

    name: str
    title: str
    description: str
    input_schema: Mapping[str, object]
    read_only: bool = False
    destructive: bool = True
    idempotent: bool = False
    in_project: bool = True


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """``text`` is what a model reads, ``result`` the same for programs."""

    text: str
    result: object = None
