from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from vibn.models import BoxState, Limits


@pytest.fixture
async def boxes(world):
    plane = world.control_plane(warm_pool=2)
    yield plane
    await plane.warm.drain()


async def test_the_pool_is_off_by_default(world):
    plane = world.control_plane()
    assert await plane.warm.refill() == 0
    assert await plane.warm.claim(world.settings.dev_image) is None


async def test_it_is_filled_to_its_size_and_no_further(world, boxes):
    assert (await boxes.warm.refill(), await boxes.warm.refill()) == (2, 0)
    assert len(await world.containers()) == 2


async def test_a_first_ensure_takes_a_warm_box_and_makes_none(world, boxes):
    await boxes.warm.refill()
    ready = {box.box_id for box in await world.store.warm()}
    world.runtime.calls.clear()
    made = await boxes.ensure("acme", "shop")
    assert (made.state, made.created) == (BoxState.RUNNING, True)
    assert world.runtime.calls == []
    assert (await world.row()).box_id in ready


async def test_a_claimed_box_knows_its_project_in_every_command(world, boxes):
    await boxes.warm.refill()
    inside = await boxes.enter("acme", "shop")
    env = await boxes.environment.of(inside.project)
    done = await inside.client.exec("echo $VIBN_PROJECT_SLUG $VIBN_DEV_CONTAINER", env=env.all)
    assert done.stdout == b"shop 1\n"


async def test_two_projects_never_get_the_same_box(world, boxes):
    await boxes.warm.refill()
    names = [f"p{number}" for number in range(4)]
    for name in names:
        await world.projects(boxes).create("acme", name)
    made = await asyncio.gather(*[boxes.ensure("acme", name) for name in names])
    assert len({result.service_uuid for result in made}) == 4


async def test_a_project_with_limits_of_its_own_gets_a_box_made_for_it(world, boxes):
    await boxes.warm.refill()
    project = (await world.store.locate("acme", "shop")).project
    await world.store.save_project(replace(project, limits=Limits(memory=1 << 29)))
    world.runtime.calls.clear()
    await boxes.ensure("acme", "shop")
    assert world.runtime.calls == ["create"]


async def test_boxes_of_an_older_image_are_replaced(world, boxes):
    await boxes.warm.refill()
    newer = world.control_plane(warm_pool=1, dev_image="vibn-dev:next")
    await newer.warm.refill()
    assert [box.image for box in await world.runtime.list()] == ["vibn-dev:next"]
    await newer.warm.drain()


async def test_a_claim_asks_for_a_refill(world, boxes):
    keeping = asyncio.create_task(boxes.warm.run())
    await world.filled(2)
    await boxes.ensure("acme", "shop")
    await world.filled(2)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert len(await world.containers()) == 3


async def test_a_warm_box_that_died_is_healed_after_its_claim(world, boxes):
    await boxes.warm.refill()
    for box in await world.runtime.list():
        await world.runtime.remove(box.ref)
    client = await boxes.agent("acme", "shop")
    assert (await client.exec("echo up")).stdout == b"up\n"
