"""From what a caller sent to a tool's typed arguments, in two steps.

The first gives everything its published name and never fails, so that a call can be opened and
noted before anything is said of its arguments: whoever may not call a tool learns nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from vibn.errors import InvalidInput
from vibn.services.projects import check_slug
from vibn.tools.aliases import Unfit
from vibn.tools.arguments import Arguments
from vibn.tools.mistakes import Mistake, found_by, given, given_name, refusal
from vibn.tools.tool import AnyTool


@dataclass(frozen=True, slots=True)
class Intake:
    """``values`` by their published names, not checked yet; ``project`` is the one they name, if
    it can be a project's name; ``mistakes`` are those seen on the way."""

    values: Mapping[str, object]
    project: str | None
    mistakes: tuple[Mistake, ...]


def take(tool: AnyTool, arguments: Mapping[str, object]) -> Intake:
    """``project`` is taken out for tools that work in one. Null is as absent."""
    values = {name: value for name, value in arguments.items() if value is not None}
    mistakes: list[Mistake] = []
    project = None
    if tool.in_project and "project" in values:
        project = _slug(values.pop("project"), mistakes)
    _translate(tool, values, mistakes)
    return Intake(values, project, tuple(mistakes))


def _slug(value: object, mistakes: list[Mistake]) -> str | None:
    takes = "a project's slug, as projects_list shows it"
    try:
        return check_slug(value if isinstance(value, str) else "")
    except InvalidInput:
        mistakes.append(Mistake("project", f"must be {takes}, not {given(value)}", takes))
        return None


def _translate(tool: AnyTool, values: dict[str, object], mistakes: list[Mistake]) -> None:
    for alias in tool.aliases:
        found = {name: values.pop(name) for name in alias.names if name in values}
        if not found:
            continue
        try:
            meant = alias.translate(found)
        except Unfit as unfit:
            mistakes.append(unfit.mistake)
            continue
        for name, value in meant.items():
            if values.setdefault(name, value) != value:
                other = " and ".join(map(given_name, found))
                mistakes.append(Mistake(name, f"contradicts {other}; give one of them"))


def checked(tool: AnyTool, intake: Intake, *, project: bool) -> Arguments:
    """The typed arguments. Raises InvalidInput that tells each mistake; ``project`` as in
    ``Tool.schema``."""
    mistakes = list(intake.mistakes)
    try:
        found: Arguments = tool.arguments.model_validate(intake.values)
        if not mistakes:
            return found
    except ValidationError as error:
        told = {mistake.field for mistake in mistakes}
        more = found_by(error, tool.schema(project=project))
        mistakes += [one for one in more if one.field not in told]
    raise refusal(tool.name, tool.schema(project=project), mistakes)
