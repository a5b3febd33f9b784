"""Workspaces, for operators; a token sees its own."""

from __future__ import annotations

from vibn.client._async.link import AsyncLink
from vibn.client.decode import decode, items
from vibn.client.request import STARTING, Request, get, segment
from vibn.client.values import Workspace


class AsyncWorkspaces:
    def __init__(self, link: AsyncLink) -> None:
        self._link = link

    async def list(self) -> tuple[Workspace, ...]:
        return items(Workspace, await self._link.call(get("/workspaces", admin=True)), "workspaces")

    async def get(self, slug: str) -> Workspace:
        """Raises WorkspaceNotFound."""
        return decode(Workspace, await self._link.call(get(_path(slug), admin=True)))

    async def create(self, slug: str, *, name: str = "") -> Workspace:
        """Raises AlreadyExists, InvalidInput."""
        body = {"slug": slug, **({"name": name} if name else {})}
        request = Request("POST", "/workspaces", body=body, admin=True)
        return decode(Workspace, await self._link.call(request))

    async def delete(self, slug: str) -> None:
        """Raises Conflict while it has projects."""
        await self._link.call(
            Request("DELETE", _path(slug), repeatable=True, admin=True, deadline=STARTING)
        )


def _path(slug: str) -> str:
    return f"/workspaces/{segment(slug)}"
