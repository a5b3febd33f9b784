"""Who the caller is."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from vibn.authority import Access, Token
from vibn.rest.documented import problems
from vibn.rest.params import Shown
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer
from vibn.services.calls import Purpose

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["tokens"])

ME = Purpose("me", box=False)


class Me(Shown):
    token_id: str
    name: str
    workspace: str
    project: str | None
    access: Access
    expires_at: datetime | None


def _of(token: Token) -> Me:
    return Me(
        token_id=token.id,
        name=token.name,
        workspace=token.workspace,
        project=token.project,
        access=token.access,
        expires_at=token.expires_at,
    )


@router.get("/me", response_model=Me, responses=problems())
async def me(visit: Visiting) -> Response:
    """The token that this request carries."""
    async with visit.call(ME) as call:
        return answer(_of(call.token), call)
