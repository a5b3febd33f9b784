from __future__ import annotations

import asyncio

import pytest

from vibn.errors import AlreadyExists, InvalidInput, ProjectNotFound, TooLarge, WorkspaceNotFound
from vibn.models import Limits


@pytest.fixture
def projects(world, boxes):
    return world.projects(boxes)


@pytest.mark.parametrize("slug", ["a", "my-shop", "2048", "a" * 40])
async def test_a_dns_label_is_a_slug(projects, slug):
    assert (await projects.create("acme", slug)).slug == slug


@pytest.mark.parametrize("slug", ["", "My-Shop", "-a", "a-", "a_b", "a.b", "ä", "a\n", "a" * 41])
async def test_anything_else_is_refused_with_the_rule(projects, slug):
    with pytest.raises(InvalidInput) as refusal:
        await projects.create("acme", slug)
    assert refusal.value.hint or "40" in refusal.value.message


async def test_a_slug_is_taken_once_in_its_workspace(projects):
    with pytest.raises(AlreadyExists):
        await projects.create("acme", "shop")
    await projects.create_workspace("other")
    assert (await projects.create("other", "shop")).workspace == "other"


async def test_a_project_needs_its_workspace(projects):
    with pytest.raises(WorkspaceNotFound):
        await projects.create("nowhere", "shop")
    with pytest.raises(WorkspaceNotFound):
        await projects.list("nowhere")


async def test_many_callers_ensure_one_project(projects):
    made = await asyncio.gather(*[projects.ensure("new", "site") for _ in range(20)])
    assert len({project.id for project in made}) == 1
    assert [project.slug for project in await projects.list("new")] == ["site"]


async def test_variables_are_set_and_removed_by_name(projects):
    await projects.set_env("acme", "shop", {"A": "1", "B": "2"})
    project = await projects.set_env("acme", "shop", {"A": None, "C": "3"})
    assert dict(project.env) == {"B": "2", "C": "3"}


@pytest.mark.parametrize("env", [{"1A": "x"}, {"A B": "x"}, {"VIBN_X": "x"}, {"A": "\0"}])
async def test_a_variable_that_no_process_could_get_is_refused(projects, env):
    with pytest.raises(InvalidInput):
        await projects.set_env("acme", "shop", env)


async def test_too_much_environment_is_refused(projects):
    with pytest.raises(TooLarge):
        await projects.set_env("acme", "shop", {"A": "x" * 40_000})
    with pytest.raises(TooLarge):
        await projects.set_env("acme", "shop", {f"A{n}": "x" * 30_000 for n in range(4)})


async def test_a_projects_limits_are_those_of_its_box(world, projects, boxes):
    await projects.set_limits("acme", "shop", Limits(memory=1 << 29))
    project = await projects.get("acme", "shop")
    await boxes.ensure("acme", "shop")
    spec = boxes.containers.spec(await world.row(), project, start=True)
    assert spec.limits == Limits(memory=1 << 29)


async def test_deleting_a_project_removes_its_box_and_all_rows(world, projects, boxes):
    await boxes.ensure("acme", "shop")
    await projects.delete("acme", "shop")
    assert await world.runtime.list() == []
    with pytest.raises(ProjectNotFound):
        await projects.get("acme", "shop")
    await projects.delete("acme", "shop")


async def test_deleting_while_others_ensure_leaves_nothing_behind(world, projects, boxes):
    busy = [boxes.ensure("acme", "shop") for _ in range(5)]
    await asyncio.gather(*busy, projects.delete("acme", "shop"), return_exceptions=True)
    await projects.delete("acme", "shop")
    assert await world.runtime.list() == []
