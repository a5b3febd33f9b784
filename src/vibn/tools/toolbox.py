"""All tools over the services: a call is opened, its arguments checked, its result told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from vibn.errors import Forbidden, ToolNotFound
from vibn.services.calls import Call, Caller, Calls, Purpose
from vibn.services.running import Progress
from vibn.tools.arguments import Arguments
from vibn.tools.intake import Intake, checked, take
from vibn.tools.mistakes import Mistake, given, refusal
from vibn.tools.tool import AnyTool

UNKNOWN = Purpose("unknown_tool", box=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """``value`` is for programs (``Tool.document`` makes JSON of it), ``text`` for a model."""

    value: object
    text: str


class Toolbox:
    """``tools`` by their published names, in order. Which they are is the caller's choice:
    ``vibn.tools.STANDARD`` holds those of a server."""

    def __init__(self, calls: Calls, tools: Sequence[AnyTool]) -> None:
        self.tools: Mapping[str, AnyTool] = MappingProxyType({tool.name: tool for tool in tools})
        assert len(self.tools) == len(tools), "two tools have one name"
        self._calls = calls

    def find(self, name: str) -> AnyTool:
        """By its name or its dotted alias, such as ``fs.read``. Raises ToolNotFound."""
        tool = self._known(name)
        if tool is None:
            raise ToolNotFound(f"There is no tool with this name: {given(name)}.")
        return tool

    async def call(
        self,
        caller: Caller,
        name: str,
        arguments: Mapping[str, object],
        *,
        project: str | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Call the tool for ``caller``. ``project`` is the one that the surface is bound to;
        None where the arguments name it, or the token does.

        Raises what ``Calls.open`` does before anything else is said, then ToolNotFound,
        InvalidInput naming each wrong field, and what the service raises.
        """
        tool = self._known(name)
        if tool is None:
            async with self._calls.open(caller, UNKNOWN, arguments={"tool": name}):
                self.find(name)
        assert tool is not None
        intake = take(tool, arguments)
        async with self._calls.open(
            caller,
            tool.purpose,
            intake.project if project is None else project,
            arguments=intake.values,
            paths=tool.paths_in(intake.values),
            progress=progress,
        ) as call:
            value = await tool.run(call, _admitted(tool, intake, call, project))
            text = tool.render(value)
            call.sent(len(text.encode(errors="replace")))
            return Answer(value, text)

    def _known(self, name: str) -> AnyTool | None:
        return self.tools.get(name) or self.tools.get(name.replace(".", "_", 1))


def _admitted(tool: AnyTool, intake: Intake, call: Call, bound: str | None) -> Arguments:
    """The arguments of a call that was let in, if it names its project and they are right."""
    several = bound is None and call.token.project is None
    if tool.workspace_wide and bound is not None:
        raise Forbidden(
            f"This address is held to the project {bound!r}.",
            hint="Call it where the whole workspace is served.",
        )
    if bound is not None and intake.project not in (None, bound):
        wrong = Mistake("project", "is not the one that this address is held to; leave it out")
        raise refusal(tool.name, tool.schema(), [wrong])
    if tool.in_project and not intake.mistakes:
        _ = call.project
    return checked(tool, intake, project=several)
