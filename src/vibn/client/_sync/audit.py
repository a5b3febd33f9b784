# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/audit.py.
"""The audit trail: what was called, and whether the trail is whole."""

from __future__ import annotations

from vibn.client._sync.link import Link
from vibn.client.decode import decode
from vibn.client.request import STARTING, Request, get
from vibn.client.values import AuditPage, Verdict


class Audit:
    """A token sees the rows of its own reach, the admin secret all."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(
        self,
        *,
        project: str | None = None,
        workspace: str | None = None,
        limit: int | None = None,
        before: str | int | None = None,
    ) -> AuditPage:
        """Newest first; ``before`` takes ``next`` of the page before."""
        query = {"project": project, "workspace": workspace, "limit": limit, "before": before}
        return decode(AuditPage, self._link.call(get("/audit", query, admin=True)))

    def verify(self) -> Verdict:
        """Whether a row was changed, lost or cut off. Needs the admin secret."""
        request = Request("GET", "/audit/verify", repeatable=True, admin=True, deadline=STARTING)
        return decode(Verdict, self._link.call(request))
