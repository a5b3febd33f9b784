"""Every tool of the registry as an address of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, create_model
from starlette.responses import Response

from vibn.rest.documented import problems
from vibn.rest.params import ProjectSlug, Shown
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visit, Visiting, answer
from vibn.services.calls import Purpose
from vibn.tools.schema import properties, required
from vibn.tools.tool import AnyTool
from vibn.tools.toolbox import Toolbox

LIST = Purpose("tools.list", box=False)

Arguments = Annotated[dict[str, Any], Body()]


class ToolShown(Shown):
    """``in_project``: it is called beneath a project's address."""

    name: str
    title: str
    description: str
    input_schema: dict[str, object]
    read_only: bool
    destructive: bool
    idempotent: bool
    in_project: bool


class ToolList(Shown):
    tools: tuple[ToolShown, ...]


class ToolAnswer(Shown):
    """``text`` is what a model reads, ``result`` the same for programs."""

    text: str
    result: object


def tool_routes(toolbox: Toolbox) -> APIRouter:
    router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["tools"])
    router.add_api_route("/tools", list_tools, response_model=ToolList, responses=problems())
    for tool in toolbox.tools.values():
        where = "/projects/{project}/tools/" if tool.in_project else "/tools/"
        router.add_api_route(
            where + tool.name,
            _in_project(tool.name) if tool.in_project else _without_project(tool.name),
            methods=["POST"],
            operation_id=f"tool_{tool.name}",
            summary=tool.title,
            description=tool.description,
            response_model=_answer_of(tool),
            responses=problems(box=True),
            openapi_extra=_body_of(tool),
        )
    # Aliases, and names that no tool has.
    for path, endpoint in (
        ("/projects/{project}/tools/{tool}", call_tool_in_project),
        ("/tools/{tool}", call_tool),
    ):
        router.add_api_route(path, endpoint, methods=["POST"], include_in_schema=False)
    return router


def _answer_of(tool: AnyTool) -> type[BaseModel]:
    name = "".join(part.title() for part in tool.name.split("_")) + "Answer"
    made: type[BaseModel] = create_model(name, text=(str, ...), result=(tool.result, ...))
    return made


def _body_of(tool: AnyTool) -> dict[str, object]:
    """Null is as absent to a tool, which the schemas for models do not tell."""
    schema = tool.schema()
    needed = required(schema)
    parts = {
        name: part if name in needed else {"anyOf": [part, {"type": "null"}]}
        for name, part in properties(schema).items()
    }
    told = {**schema, "properties": parts}
    return {"requestBody": {"content": {"application/json": {"schema": told}}}}


Endpoint = Callable[..., Awaitable[Response]]


def _in_project(name: str) -> Endpoint:
    async def call(visit: Visiting, project: ProjectSlug, arguments: Arguments) -> Response:
        return await _called(visit, name, arguments, project)

    return call


def _without_project(name: str) -> Endpoint:
    async def call(visit: Visiting, arguments: Arguments) -> Response:
        return await _called(visit, name, arguments, None)

    return call


async def call_tool_in_project(
    visit: Visiting, project: ProjectSlug, tool: str, arguments: Arguments
) -> Response:
    return await _called(visit, tool, arguments, project)


async def call_tool(visit: Visiting, tool: str, arguments: Arguments) -> Response:
    return await _called(visit, tool, arguments, None)


async def _called(
    visit: Visit, name: str, arguments: dict[str, Any], project: str | None
) -> Response:
    toolbox = visit.deps.toolbox
    async with visit.while_there():
        result = await toolbox.call(visit.caller, name, arguments, project=project)
    document = toolbox.find(name).document(result.value)
    return answer(ToolAnswer(text=result.text, result=document))


async def list_tools(visit: Visiting) -> Response:
    """The tools, as they can be offered to a model."""
    async with visit.call(LIST) as call:
        tools = visit.deps.toolbox.tools.values()
        return answer(ToolList(tools=tuple(_shown(tool) for tool in tools)), call)


def _shown(tool: AnyTool) -> ToolShown:
    return ToolShown(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.schema(),
        read_only=tool.read_only,
        destructive=tool.destructive,
        idempotent=tool.idempotent,
        in_project=tool.in_project,
    )
