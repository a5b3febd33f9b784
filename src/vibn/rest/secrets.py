"""A project's secrets: set, named and deleted; never shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from vibn.rest.documented import problems
from vibn.rest.params import Body, ProjectSlug, Shown
from vibn.rest.route import StrictRoute
from vibn.rest.variables import NAME_SCHEMA
from vibn.rest.visit import Visiting, answer, nothing
from vibn.services import environment
from vibn.services.calls import Call, Purpose

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["secrets"])

LIST = Purpose("secrets.list", box=False)
SET = Purpose("secrets.set", writes=True, box=False)
DELETE = Purpose("secrets.delete", writes=True, box=False)

SecretName = Annotated[str, Path(json_schema_extra=NAME_SCHEMA)]


class SecretValue(Body):
    value: Annotated[str, Field(max_length=32768, pattern=r"^[^\x00]*$", repr=False)]


class SecretNames(Shown):
    names: tuple[str, ...]


def _project_id(call: Call) -> str:
    assert call.located is not None
    return call.located.project.id


@router.get("/projects/{project}/secrets", response_model=SecretNames, responses=problems())
async def list_secrets(visit: Visiting, project: ProjectSlug) -> Response:
    """The names of the project's secrets."""
    async with visit.call(LIST, project) as call:
        names = await call.secrets.names(_project_id(call))
        return answer(SecretNames(names=tuple(names)), call)


@router.put("/projects/{project}/secrets/{name}", status_code=204, responses=problems(409))
async def set_secret(
    visit: Visiting, project: ProjectSlug, name: SecretName, body: SecretValue
) -> Response:
    """Set or replace a secret: a variable of every command, masked in what comes back."""
    async with visit.call(SET, project, arguments={"name": name}) as call:
        await call.secrets.set(_project_id(call), environment.check_name(name), body.value)
        return nothing()


@router.delete("/projects/{project}/secrets/{name}", status_code=204, responses=problems())
async def delete_secret(visit: Visiting, project: ProjectSlug, name: SecretName) -> Response:
    """Delete a secret. One that is not there is no error."""
    async with visit.call(DELETE, project, arguments={"name": name}) as call:
        await call.secrets.delete(_project_id(call), environment.check_name(name))
        return nothing()
