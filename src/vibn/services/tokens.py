"""Tokens: issued once, looked at on every call, revoked at once.

A token's text is 32 random bytes, told to whoever asked for it and kept by nobody here: the store
holds its SHA-256, which is enough for what cannot be guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from vibn.authority import Access, Token
from vibn.errors import InvalidInput, TokenExpired, TokenRevoked, Unauthenticated
from vibn.services.clock import Clock
from vibn.store.authority import Admitted
from vibn.store.base import Store

PREFIX = "vibn_"
"""Makes a token that leaked into a file easy to find."""
LONGEST = 512
NAME_LENGTH = 100
LIFETIME = 10 * 365 * 24 * 3600
"""Seconds of the longest lifetime that can be asked for."""


@dataclass(frozen=True, slots=True)
class Issued:
    """``text`` is the credential; it can never be shown again."""

    token: Token
    text: str


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


class Tokens:
    """``ids`` gives random ids, ``texts`` the credentials."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Callable[[], str],
        texts: Callable[[], str] = lambda: PREFIX + token_urlsafe(32),
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._texts = texts

    async def issue(
        self,
        workspace: str,
        name: str,
        *,
        project: str | None = None,
        access: Access = Access.FULL,
        lifetime_s: float | None = None,
    ) -> Issued:
        """A new token for a workspace, or for one project of it. ``lifetime_s`` None: it does
        not expire. Raises WorkspaceNotFound, ProjectNotFound, InvalidInput."""
        _check(name, lifetime_s)
        await self._store.workspace(workspace)
        project_id = None
        if project is not None:
            project_id = (await self._store.locate(workspace, project)).project.id
        now, text = self._clock.now(), self._texts()
        token = Token(
            id=self._ids(),
            digest=digest_of(text),
            workspace=workspace,
            name=name,
            access=access,
            created_at=now,
            project=project,
            project_id=project_id,
            expires_at=None if lifetime_s is None else now + timedelta(seconds=lifetime_s),
        )
        return Issued(await self._store.tokens.add(token), text)

    async def list(self, workspace: str) -> Sequence[Token]:
        """Raises WorkspaceNotFound."""
        await self._store.workspace(workspace)
        return await self._store.tokens.of_workspace(workspace)

    async def revoke(self, workspace: str, token_id: str) -> Token:
        """From the next call on. Idempotent; raises TokenNotFound."""
        return await self._store.tokens.revoke(workspace, token_id, self._clock.now())

    async def admit(self, text: str, project: str | None) -> Admitted:
        """Who this is, and the project it asks for, in one SELECT; nothing of it is cached.
        Raises Unauthenticated, TokenExpired, TokenRevoked."""
        if not text or len(text) > LONGEST:
            raise Unauthenticated("This call carries no valid token.")
        admitted = await self._store.tokens.admit(digest_of(text), project)
        if admitted is None:
            raise Unauthenticated("This call carries no valid token.")
        token = admitted.token
        if token.revoked_at is not None:
            raise TokenRevoked(f"The token {token.name!r} ({token.id}) was revoked.")
        if token.expires_at is not None and token.expires_at <= self._clock.now():
            raise TokenExpired(f"The token {token.name!r} ({token.id}) has expired.")
        return admitted


def _check(name: str, lifetime_s: float | None) -> None:
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput(
            f"A token's name has 1 to {NAME_LENGTH} printable characters.",
            hint="Name who will hold it, such as ann-laptop.",
        )
    if lifetime_s is not None and not 1 <= lifetime_s <= LIFETIME:
        raise InvalidInput(f"A token's lifetime is between 1 and {LIFETIME} seconds.")
