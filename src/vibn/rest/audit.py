"""The audit trail: what was called, by whom, how it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import WithJsonSchema
from starlette.responses import Response

from vibn.authority import AuditRow
from vibn.errors import InvalidInput
from vibn.rest.documented import problems
from vibn.rest.params import SLUG_SCHEMA, Count, Shown, Slug
from vibn.rest.route import StrictRoute
from vibn.rest.visit import Visiting, answer
from vibn.services.calls import Purpose
from vibn.store.refusals import no_workspace

router = APIRouter(prefix="/api/v1/audit", route_class=StrictRoute, tags=["audit"])

READ = Purpose("audit.read", box=False)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = r"([0-9]{1,17}),([0-9]{1,18}),([0-9A-Za-z._-]{1,200})"

_place = WithJsonSchema({"type": "string", "pattern": f"^{_CURSOR}$"})
_slug = WithJsonSchema({"type": "string", **SLUG_SCHEMA})
Before = Annotated[str | None, _place, Query()]
Filter = Annotated[Slug | None, _slug, Query()]
Place = tuple[datetime, str, int]


class AuditRows(Shown):
    """Newest first; pass ``next`` as ``before`` for older ones."""

    rows: tuple[AuditRow, ...]
    next: str | None


class ChainShown(Shown):
    """``problem`` is empty when all is well."""

    chain: str
    rows: int
    last: datetime | None
    problem: str


class Verification(Shown):
    ok: bool
    chains: tuple[ChainShown, ...]


def cursor(row: AuditRow) -> str:
    return f"{(row.at - _EPOCH) // timedelta(microseconds=1)},{row.seq},{row.chain}"


def place_of(before: str | None) -> Place | None:
    """Raises InvalidInput."""
    if before is None:
        return None
    found = re.fullmatch(_CURSOR, before, re.ASCII)
    if found is None:
        raise InvalidInput("before is no place in the trail.", hint="Pass `next` of an answer.")
    return _EPOCH + timedelta(microseconds=int(found[1])), found[3], int(found[2])


def _page(rows: Sequence[AuditRow], limit: int) -> AuditRows:
    return AuditRows(rows=tuple(rows), next=cursor(rows[-1]) if len(rows) == limit else None)


@router.get("", response_model=AuditRows, responses=problems())
async def read_audit(
    visit: Visiting,
    project: Filter = None,
    workspace: Filter = None,
    limit: Annotated[Count, Query()] = 100,
    before: Before = None,
) -> Response:
    """The newest rows: all for the admin secret, those of its reach for a token."""
    place = place_of(before)
    asked = {"project": project, "workspace": workspace, "limit": limit, "before": before}
    if visit.is_admin:
        async with visit.administer(READ.name, asked):
            rows = await _rows(visit, workspace, project, place, limit)
            return answer(_page(rows, limit))
    async with visit.call(READ, project, asked) as call:
        if workspace not in (None, call.workspace):
            raise no_workspace(workspace or "")
        reach = project or call.token.project
        rows = await _rows(visit, call.workspace, reach, place, limit)
        return answer(_page(rows, limit), call)


async def _rows(
    visit: Visiting, workspace: str | None, project: str | None, before: Place | None, limit: int
) -> Sequence[AuditRow]:
    if before is None:
        await visit.deps.audit.flush()  # who looks after a call finds it
    return await visit.deps.store.trail.recent(
        workspace=workspace, project=project, before=before, limit=limit
    )


@router.get("/verify", response_model=Verification, responses=problems())
async def verify_audit(visit: Visiting) -> Response:
    """Whether a row was changed, is missing or was cut off. Admin secret."""
    async with visit.administer("audit.verify"):
        report = await visit.deps.audit.verify()
        chains = tuple(
            ChainShown(chain=one.chain, rows=one.rows, last=one.last, problem=one.problem)
            for one in report.verdicts
        )
        return answer(Verification(ok=report.ok, chains=chains))
