# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/tokens.py.
"""Tokens of a workspace, for operators."""

from __future__ import annotations

from typing import Literal

from vibn.client._sync.link import Link
from vibn.client.decode import decode, items
from vibn.client.request import Request, get, segment
from vibn.client.values import IssuedToken, Token


class Tokens:
    """All of it needs the admin secret."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self, workspace: str) -> tuple[Token, ...]:
        return items(Token, self._link.call(get(_path(workspace), admin=True)), "tokens")

    def create(
        self,
        workspace: str,
        name: str,
        *,
        project: str | None = None,
        access: Literal["full", "read"] = "full",
        expires_in: float | None = None,
    ) -> IssuedToken:
        """``project`` holds it to that one; ``expires_in`` is in seconds. Its text is shown by
        this answer and never again."""
        body: dict[str, object] = {"name": name, "access": access}
        if project is not None:
            body["project"] = project
        if expires_in is not None:
            body["expires_in_s"] = round(expires_in)
        request = Request("POST", _path(workspace), body=body, admin=True)
        return decode(IssuedToken, self._link.call(request))

    def revoke(self, workspace: str, id: str) -> Token:
        """From the next call on it opens nothing. Raises TokenNotFound."""
        request = Request("DELETE", _path(workspace, id), repeatable=True, admin=True)
        return decode(Token, self._link.call(request))


def _path(workspace: str, id: str = "") -> str:
    return f"/workspaces/{segment(workspace)}/tokens" + (f"/{segment(id)}" if id else "")
