"""What every store promises of tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.store.values import NOW, box, project, workspace

from vibn.authority import Access, Token
from vibn.errors import (
    AlreadyExists,
    Conflict,
    ProjectNotFound,
    TokenNotFound,
    WorkspaceNotFound,
)
from vibn.models import Project
from vibn.store.base import Store

TOKEN = Token("t1", "d1", "acme", "laptop", Access.FULL, NOW)


@pytest.fixture
async def shop(store: Store) -> Project:
    await store.add_workspace(workspace("acme"))
    await store.add_workspace(workspace("other"))
    await store.add_project(project("blog", "acme"))
    return await store.add_project(project("shop", "acme"))


def held_to(project: Project) -> Token:
    return replace(TOKEN, project_id=project.id)


async def test_a_token_reaches_its_workspaces_projects_in_one_look(store: Store, shop: Project):
    assert await store.tokens.add(TOKEN) == TOKEN
    await store.claim(box(shop.id))
    await store.set_secret(shop.id, "KEY", b"sealed")
    admitted = await store.tokens.admit("d1", "shop")
    assert admitted is not None
    assert admitted.token == TOKEN
    assert admitted.located == await store.locate("acme", "shop")
    assert admitted.located.secrets == {"KEY": b"sealed"}


async def test_a_digest_that_nobody_issued_is_none(store: Store, shop: Project):
    await store.tokens.add(TOKEN)
    assert await store.tokens.admit("d2", "shop") is None


async def test_a_project_of_another_workspace_is_as_one_that_is_not_there(store: Store, shop):
    await store.add_project(project("theirs", "other"))
    await store.tokens.add(TOKEN)
    foreign = await store.tokens.admit("d1", "theirs")
    assert foreign is not None
    assert foreign == await store.tokens.admit("d1", "nowhere")
    assert foreign.located is None


async def test_a_token_held_to_a_project_reaches_no_other(store: Store, shop: Project):
    token = await store.tokens.add(held_to(shop))
    assert token.project == "shop"
    own, named = await store.tokens.admit("d1", None), await store.tokens.admit("d1", "shop")
    assert own == named
    assert own is not None
    assert own.located is not None
    sibling = await store.tokens.admit("d1", "blog")
    assert sibling is not None
    assert sibling.located is None


async def test_a_token_of_a_workspace_has_no_project_of_its_own(store: Store, shop: Project):
    await store.tokens.add(TOKEN)
    admitted = await store.tokens.admit("d1", None)
    assert admitted is not None
    assert admitted.located is None


async def test_a_later_project_of_the_same_name_is_another_one(store: Store, shop: Project):
    await store.tokens.add(held_to(shop))
    await store.delete_project("acme", "shop")
    await store.add_project(replace(project("shop", "acme"), id="another"))
    assert await store.tokens.admit("d1", "shop") is None


@pytest.mark.parametrize("wrong", ["sh\0op", "sh\ud800op", "", "x" * 9999])
async def test_names_that_no_store_can_hold_find_nothing(store: Store, shop: Project, wrong: str):
    await store.tokens.add(TOKEN)
    admitted = await store.tokens.admit("d1", wrong)
    assert admitted is not None
    assert admitted.located is None


async def test_a_token_needs_its_workspace_and_its_project(store: Store, shop: Project):
    theirs = await store.add_project(project("theirs", "other"))
    with pytest.raises(WorkspaceNotFound):
        await store.tokens.add(replace(TOKEN, workspace="nowhere"))
    with pytest.raises(ProjectNotFound):
        await store.tokens.add(held_to(theirs))


async def test_an_id_or_a_digest_is_given_once(store: Store, shop: Project):
    await store.tokens.add(TOKEN)
    for again in (replace(TOKEN, digest="d2"), replace(TOKEN, id="t2")):
        with pytest.raises(AlreadyExists):
            await store.tokens.add(again)


async def test_a_revocation_keeps_its_first_time(store: Store, shop: Project):
    await store.tokens.add(TOKEN)
    revoked = await store.tokens.revoke("acme", "t1", NOW)
    assert revoked == await store.tokens.revoke("acme", "t1", NOW + timedelta(days=1))
    assert revoked.revoked_at == NOW
    admitted = await store.tokens.admit("d1", "shop")
    assert admitted is not None
    assert admitted.token == revoked


async def test_a_token_of_another_workspace_cannot_be_revoked(store: Store, shop: Project):
    await store.tokens.add(TOKEN)
    for owner, token in (("other", "t1"), ("acme", "t2"), ("acme", "t\0")):
        with pytest.raises(TokenNotFound):
            await store.tokens.revoke(owner, token, NOW)


async def test_tokens_are_listed_by_age_with_the_revoked_ones(store: Store, shop: Project):
    later = replace(held_to(shop), id="t0", digest="d0", created_at=NOW + timedelta(seconds=1))
    for token in (later, TOKEN):
        await store.tokens.add(token)
    await store.tokens.revoke("acme", "t1", NOW)
    assert [t.id for t in await store.tokens.of_workspace("acme")] == ["t1", "t0"]
    assert await store.tokens.of_workspace("other") == []


async def test_a_workspace_goes_with_its_tokens_but_not_with_projects(store: Store, shop: Project):
    await store.tokens.add(replace(TOKEN, workspace="other"))
    with pytest.raises(Conflict):
        await store.delete_workspace("acme")
    for _ in range(2):
        await store.delete_workspace("other")
    assert await store.tokens.admit("d1", None) is None
    assert [w.slug for w in await store.workspaces()] == ["acme"]


async def test_an_overview_shows_projects_with_their_boxes(store: Store, shop: Project):
    row, _ = await store.claim(box(shop.id))
    overview = await store.overview("acme")
    assert [(p.slug, found) for p, found in overview] == [("blog", None), ("shop", row)]
    assert await store.overview("nowhere") == []
