"""Tokens of a workspace: issued, listed and revoked by operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from vibn.authority import Access, Token
from vibn.rest.documented import problems
from vibn.rest.params import Body, Shown, Slug, WorkspaceSlug
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer
from vibn.services.tokens import LIFETIME, NAME_LENGTH

router = APIRouter(
    prefix="/api/v1/workspaces/{workspace}/tokens", route_class=StrictRoute, tags=["tokens"]
)

TokenId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
_NAME = {"pattern": r"^[!-~]([ -~]*[!-~])?$", "maxLength": NAME_LENGTH}


class NewToken(Body):
    """``project`` holds it to one project; ``access`` ``read`` changes nothing; without
    ``expires_in_s`` it does not expire."""

    name: Annotated[str, Field(json_schema_extra={**_NAME})]
    project: Slug | None = None
    access: Literal["full", "read"] = "full"
    expires_in_s: Annotated[float | None, Field(ge=1, le=LIFETIME)] = None


class TokenShown(Shown):
    id: str
    name: str
    workspace: str
    project: str | None
    access: Access
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenMade(TokenShown):
    """``token`` is shown here and never again."""

    token: str


class TokenList(Shown):
    tokens: tuple[TokenShown, ...]


def _fields(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "workspace": token.workspace,
        "project": token.project,
        "access": token.access,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


def _shown(token: Token) -> TokenShown:
    return TokenShown.model_validate(_fields(token))


@router.get("", response_model=TokenList, responses=problems())
async def list_tokens(visit: Visiting, workspace: WorkspaceSlug) -> Response:
    """All tokens of the workspace, revoked ones too, without their text. Admin secret."""
    async with visit.administer("tokens.list", workspace=workspace):
        found = await visit.deps.tokens.list(workspace)
        return answer(TokenList(tokens=tuple(_shown(token) for token in found)))


@router.post("", status_code=201, response_model=TokenMade, responses=problems(409))
async def create_token(visit: Visiting, workspace: WorkspaceSlug, body: NewToken) -> Response:
    """Issue a token. Admin secret."""
    async with visit.administer(
        "tokens.create", body.model_dump(), workspace=workspace, project=body.project or ""
    ):
        issued = await visit.deps.tokens.issue(
            workspace,
            body.name,
            project=body.project,
            access=Access(body.access),
            lifetime_s=body.expires_in_s,
        )
    made = {**_fields(issued.token), "token": issued.text}
    return answer(TokenMade.model_validate(made), status=201)


@router.delete("/{id}", response_model=TokenShown, responses=problems())
async def revoke_token(visit: Visiting, workspace: WorkspaceSlug, id: TokenId) -> Response:
    """Revoke a token, with effect from its next call on. Admin secret."""
    async with visit.administer("tokens.revoke", {"id": id}, workspace=workspace):
        return answer(_shown(await visit.deps.tokens.revoke(workspace, id)))
