"""The kill switch: thrown by operators, seen by all whom it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response

from vibn.authority import Scope, Switch, Switches, Token
from vibn.errors import InvalidInput
from vibn.rest.documented import problems
from vibn.rest.params import Body, Shown, Slug
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer
from vibn.services.calls import Purpose
from vibn.services.killswitch import LONGEST, Drill
from vibn.services.switchboard import scope_of

router = APIRouter(prefix="/api/admin/path-b", route_class=StrictRoute, tags=["operators"])
flags = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["flags"])

FLAGS = Purpose("flags", box=False)


def _scope(name: str) -> dict[str, Any]:
    return {"scope": {"enum": [name, None]}}


Words = Annotated[
    str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]


_nothing: dict[str, Any] = {"type": "null"}
_named: dict[str, Any] = {"type": "string"}
_FITTING: dict[str, Any] = {
    "anyOf": [
        {"properties": {**_scope("global"), "workspace": _nothing, "project": _nothing}},
        {
            "required": ["workspace"],
            "properties": {**_scope("workspace"), "workspace": _named, "project": _nothing},
        },
        {
            "required": ["workspace", "project"],
            "properties": {**_scope("project"), "workspace": _named, "project": _named},
        },
    ]
}


class Target(Body):
    """None of ``workspace`` and ``project``: all; ``scope`` may say it again, to be sure."""

    model_config = ConfigDict(json_schema_extra=_FITTING)

    scope: Literal["global", "workspace", "project"] | None = None
    workspace: Slug | None = None
    project: Slug | None = None

    def names(self) -> tuple[str, str]:
        """Raises InvalidInput for a scope that is not the one of what was named."""
        workspace, project = self.workspace or "", self.project or ""
        if self.scope is not None and scope_of(workspace, project) is not Scope(self.scope):
            raise InvalidInput(
                f"The scope {self.scope} does not fit the workspace and project that were named.",
                hint="global names none, workspace names a workspace, project names both.",
            )
        return workspace, project


class Disable(Target):
    """``kill`` also ends what runs now. Those who are refused are told reason and author."""

    reason: Words
    author: Words
    kill: bool = False


class Nothing(Body):
    """Nothing to say."""


class SwitchesShown(Shown):
    revision: int
    switches: tuple[Switch, ...]


class FlagsShown(Shown):
    switches: tuple[Switch, ...]


def _shown(switches: Switches) -> SwitchesShown:
    return SwitchesShown(revision=switches.revision, switches=switches.on)


def _over(token: Token, switches: Iterable[Switch]) -> tuple[Switch, ...]:
    """Those that refuse calls which this token could make."""
    return tuple(
        switch
        for switch in switches
        if switch.scope is Scope.GLOBAL
        or (
            switch.workspace == token.workspace
            and (token.project is None or switch.project in ("", token.project))
        )
    )


@router.get("", response_model=SwitchesShown, responses=problems())
async def see_switches(visit: Visiting) -> Response:
    """All switches that are on. Admin secret."""
    async with visit.administer("killswitch.status"):
        return answer(_shown(visit.deps.switchboard.switches))


@router.post("/disable", response_model=SwitchesShown, responses=problems())
async def disable(visit: Visiting, body: Disable) -> Response:
    """Switch dev containers off: every call that needs one answers 503. Admin secret."""
    asked = body.model_dump()
    where = {"workspace": body.workspace or "", "project": body.project or ""}
    async with visit.administer("killswitch.disable", asked, **where):
        workspace, project = body.names()
        switches = await visit.deps.switchboard.disable(
            workspace, project, body.reason, body.author, body.kill
        )
        return answer(_shown(switches))


@router.post("/enable", response_model=SwitchesShown, responses=problems())
async def enable(visit: Visiting, body: Target) -> Response:
    """Take back the switch of exactly this scope. Admin secret."""
    asked = body.model_dump()
    where = {"workspace": body.workspace or "", "project": body.project or ""}
    async with visit.administer("killswitch.enable", asked, **where):
        return answer(_shown(await visit.deps.switchboard.enable(*body.names())))


@router.post("/drill", response_model=Drill, responses=problems())
async def drill(visit: Visiting, _: Nothing) -> Response:
    """Throw a switch that nobody is under, and measure until every replica refuses by it. Admin
    secret."""
    async with visit.administer("killswitch.drill"):
        return answer(await visit.deps.switchboard.drill("drill"))


@flags.get("/flags", response_model=FlagsShown, responses=problems())
async def see_flags(visit: Visiting) -> Response:
    """The switches that are on: all for the admin secret, those over its reach for a token."""
    switches = visit.deps.switchboard.switches.on
    if visit.is_admin:
        async with visit.administer(FLAGS.name):
            return answer(FlagsShown(switches=switches))
    async with visit.call(FLAGS) as call:
        return answer(FlagsShown(switches=_over(call.token, switches)), call)
