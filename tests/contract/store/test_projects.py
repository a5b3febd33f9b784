"""Workspaces and projects: unique, apart, and found by one look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.contract.store.values import box, furnish, later, project, workspace

from vibn.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    ProjectNotFound,
    WorkspaceNotFound,
)
from vibn.models import Limits, Seed
from vibn.store.base import Store


async def test_a_workspace_is_found_by_its_slug(store: Store) -> None:
    await store.add_workspace(workspace())
    assert await store.workspace("acme") == workspace()
    with pytest.raises(WorkspaceNotFound):
        await store.workspace("nobody")


async def test_workspaces_come_in_the_order_of_their_slugs(store: Store) -> None:
    for slug in ("zoo", "Acme", "acme"):
        await store.add_workspace(replace(workspace(slug), id=slug))
    assert [w.slug for w in await store.workspaces()] == ["Acme", "acme", "zoo"]


@pytest.mark.parametrize("again", [{"id": "other"}, {"slug": "other"}])
async def test_a_workspace_has_its_slug_and_its_id_alone(
    store: Store, again: dict[str, str]
) -> None:
    await store.add_workspace(workspace())
    with pytest.raises(AlreadyExists):
        await store.add_workspace(replace(workspace(), **again))


async def test_a_project_needs_its_workspace(store: Store) -> None:
    with pytest.raises(WorkspaceNotFound):
        await store.add_project(project())


@pytest.mark.parametrize("again", [{"id": "other"}, {"slug": "other"}])
async def test_a_project_has_its_slug_and_its_id_alone(store: Store, again: dict[str, str]) -> None:
    await furnish(store)
    with pytest.raises(AlreadyExists):
        await store.add_project(replace(project(), **again))


async def test_two_workspaces_may_use_the_same_slug(store: Store) -> None:
    await furnish(store)
    await store.add_workspace(workspace("umbrella"))
    await store.add_project(project("shop", "umbrella"))
    assert (await store.locate("umbrella", "shop")).project.id == "umbrella-shop"
    assert [p.id for p in await store.projects("acme")] == ["acme-shop"]


async def test_projects_come_in_the_order_of_their_slugs(store: Store) -> None:
    await furnish(store, "b", "a", "B")
    assert [p.slug for p in await store.projects("acme")] == ["B", "a", "b"]
    assert list(await store.projects("nobody")) == []


async def test_locate_gives_the_project_and_its_box(store: Store) -> None:
    await furnish(store)
    alone = await store.locate("acme", "shop")
    assert (alone.project, alone.box) == (project(), None)
    await store.claim(box())
    both = await store.locate("acme", "shop")
    assert (both.project, both.box) == (project(), box())


@pytest.mark.parametrize("slug", ["nowhere", "shop\0", "\udc80", "x' OR '1'='1"])
async def test_a_missing_project_is_not_found(store: Store, slug: str) -> None:
    await furnish(store)
    with pytest.raises(ProjectNotFound):
        await store.locate("acme", slug)


async def test_a_foreign_project_answers_as_a_missing_one(store: Store) -> None:
    await furnish(store)
    await store.add_workspace(workspace("umbrella"))
    with pytest.raises(ProjectNotFound) as foreign:
        await store.locate("umbrella", "shop")
    await store.delete_project("acme", "shop")
    with pytest.raises(ProjectNotFound) as missing:
        await store.locate("umbrella", "shop")
    assert (foreign.value.message, foreign.value.hint, foreign.value.detail) == (
        missing.value.message,
        missing.value.hint,
        missing.value.detail,
    )


async def test_saving_a_project_replaces_what_may_change(store: Store) -> None:
    await furnish(store)
    new = replace(
        project(),
        name="Läden 商店 🏪",
        env={"A": "1", "é": "\n"},
        limits=Limits(cpus=0.5, pids=64),
        seed=Seed(url="https://example.test/x.git", ref="main"),
    )
    assert await store.save_project(new) == new
    assert (await store.locate("acme", "shop")).project == new


async def test_saving_keeps_the_slug_and_the_birth(store: Store) -> None:
    await furnish(store)
    moved = replace(project(), slug="other", created_at=later(9), name="New")
    assert await store.save_project(moved) == replace(project(), name="New")


@pytest.mark.parametrize("wrong", [{"id": "nobody"}, {"workspace": "umbrella"}])
async def test_saving_a_missing_or_foreign_project_changes_nothing(
    store: Store, wrong: dict[str, str]
) -> None:
    await furnish(store)
    with pytest.raises(ProjectNotFound):
        await store.save_project(replace(project(), name="Mine", **wrong))
    assert (await store.locate("acme", "shop")).project == project()


async def test_deleting_a_project_is_idempotent_and_takes_its_secrets(store: Store) -> None:
    await furnish(store)
    await store.set_secret("acme-shop", "KEY", b"sealed")
    await store.delete_project("acme", "shop")
    await store.delete_project("acme", "shop")
    await store.add_project(project())
    assert await store.secrets("acme-shop") == {}


async def test_a_project_with_a_box_is_not_deleted(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    with pytest.raises(Conflict):
        await store.delete_project("acme", "shop")
    assert (await store.locate("acme", "shop")).box == row
    await store.delete_box(row)
    await store.delete_project("acme", "shop")


async def test_a_project_is_not_deleted_from_another_workspace(store: Store) -> None:
    await furnish(store)
    await store.add_workspace(workspace("umbrella"))
    await store.delete_project("umbrella", "shop")
    assert (await store.locate("acme", "shop")).project == project()


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
async def test_text_that_a_database_cannot_keep_is_refused(store: Store, name: str) -> None:
    await furnish(store)
    with pytest.raises(InvalidInput):
        await store.save_project(replace(project(), name=name))
    with pytest.raises(InvalidInput):
        await store.add_workspace(replace(workspace("other"), name=name))


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput):
        await store.add_workspace(replace(workspace(), created_at=datetime(2026, 1, 1)))


async def test_what_the_caller_changes_later_is_not_the_stores(store: Store) -> None:
    env = {"A": "1"}
    await store.add_workspace(workspace())
    await store.add_project(replace(project(), env=env))
    env["A"] = "2"
    assert (await store.locate("acme", "shop")).project.env == {"A": "1"}


async def test_the_installation_keeps_its_first_id(store: Store) -> None:
    assert await store.installation("first") == "first"
    assert await store.installation("second") == "first"


async def test_one_look_brings_the_sealed_secrets_too(store: Store) -> None:
    await furnish(store)
    assert (await store.locate("acme", "shop")).secrets == {}
    await store.claim(box())
    for name in ("KEY", "TOKEN"):
        await store.set_secret("acme-shop", name, name.encode())
    located = await store.locate("acme", "shop")
    assert located.secrets == {"KEY": b"KEY", "TOKEN": b"TOKEN"}
    assert located.box is not None
