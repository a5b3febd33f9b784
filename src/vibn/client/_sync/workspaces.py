# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/workspaces.py.
"""Workspaces, for operators; a token sees its own."""

from __future__ import annotations

from vibn.client._sync.link import Link
from vibn.client.decode import decode, items
from vibn.client.request import STARTING, Request, get, segment
from vibn.client.values import Workspace


class Workspaces:
    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> tuple[Workspace, ...]:
        return items(Workspace, self._link.call(get("/workspaces", admin=True)), "workspaces")

    def get(self, slug: str) -> Workspace:
        """Raises WorkspaceNotFound."""
        return decode(Workspace, self._link.call(get(_path(slug), admin=True)))

    def create(self, slug: str, *, name: str = "") -> Workspace:
        """Raises AlreadyExists, InvalidInput."""
        body = {"slug": slug, **({"name": name} if name else {})}
        request = Request("POST", "/workspaces", body=body, admin=True)
        return decode(Workspace, self._link.call(request))

    def delete(self, slug: str) -> None:
        """Raises Conflict while it has projects."""
        self._link.call(
            Request("DELETE", _path(slug), repeatable=True, admin=True, deadline=STARTING)
        )


def _path(slug: str) -> str:
    return f"/workspaces/{segment(slug)}"
