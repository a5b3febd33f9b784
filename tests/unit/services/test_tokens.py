"""Tokens: told once, stored as a digest, looked at on every call."""

from __future__ import annotations

import pytest
from tests.unit.services.conftest import Gatehouse

from vibn.authority import Access
from vibn.errors import (
    InvalidInput,
    ProjectNotFound,
    TokenExpired,
    TokenNotFound,
    TokenRevoked,
    Unauthenticated,
    WorkspaceNotFound,
)


async def test_a_token_s_text_is_nowhere_in_the_store(gate: Gatehouse):
    issued = await gate.tokens.issue("acme", "laptop")
    assert issued.text.startswith("vibn_")
    assert len(issued.text) >= 40
    assert issued.text not in repr(await gate.store.tokens.of_workspace("acme"))


async def test_its_holder_reaches_the_workspace_s_projects(gate: Gatehouse):
    issued = await gate.tokens.issue("acme", "laptop", access=Access.READ)
    admitted = await gate.tokens.admit(issued.text, "shop")
    assert admitted.token == issued.token
    assert admitted.located is not None
    assert admitted.located.project.slug == "shop"


@pytest.mark.parametrize("text", ["", "vibn_nobody", "x" * 100_000, "vibn_\0", "vibn_\ud800"])
async def test_any_other_text_is_nobody_s(gate: Gatehouse, text: str):
    with pytest.raises(Unauthenticated) as refused:
        await gate.tokens.admit(text, None)
    assert refused.value.code == "unauthenticated"


async def test_a_token_expires_at_its_time(gate: Gatehouse):
    issued = await gate.tokens.issue("acme", "ci", lifetime_s=60)
    await gate.clock.move(59)
    await gate.tokens.admit(issued.text, None)
    await gate.clock.move(1)
    with pytest.raises(TokenExpired):
        await gate.tokens.admit(issued.text, None)


async def test_a_revocation_counts_from_the_next_call(gate: Gatehouse):
    issued = await gate.tokens.issue("acme", "lost laptop")
    await gate.tokens.revoke("acme", issued.token.id)
    with pytest.raises(TokenRevoked):
        await gate.tokens.admit(issued.text, None)


async def test_nobody_revokes_the_token_of_another_workspace(gate: Gatehouse):
    issued = await gate.tokens.issue("acme", "laptop")
    with pytest.raises(TokenNotFound):
        await gate.tokens.revoke("other", issued.token.id)


async def test_a_token_is_for_what_exists(gate: Gatehouse):
    with pytest.raises(WorkspaceNotFound):
        await gate.tokens.issue("nowhere", "laptop")
    with pytest.raises(ProjectNotFound):
        await gate.tokens.issue("acme", "laptop", project="theirs")


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "a\nb"}, {"name": "x" * 101}, {"lifetime_s": 0}]
)
async def test_a_token_needs_a_name_and_a_sensible_lifetime(gate: Gatehouse, wrong):
    with pytest.raises(InvalidInput):
        await gate.tokens.issue("acme", **{"name": "laptop", **wrong})
