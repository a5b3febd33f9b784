"""Rows of boxes: one a project, saved by compare-and-set, touched forwards only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.contract.store.values import NOW, box, furnish, later

from vibn.errors import AlreadyExists, Conflict, InvalidInput, ProjectNotFound
from vibn.models import BoxState, Tier
from vibn.store.base import Store


async def test_of_fifty_claims_at_once_one_makes_the_row(store: Store) -> None:
    await furnish(store)
    claims = [store.claim(box(box_id=f"b{n}")) for n in range(50)]
    answers = await asyncio.gather(*claims)
    assert [mine for _, mine in answers].count(True) == 1
    assert {row for row, _ in answers} == {await store.box("acme-shop")}
    assert len(await store.boxes()) == 1


async def test_a_claim_needs_its_project(store: Store) -> None:
    with pytest.raises(ProjectNotFound):
        await store.claim(box())
    assert await store.box("acme-shop") is None


async def test_two_projects_never_share_a_box(store: Store) -> None:
    await furnish(store, "shop", "blog")
    await store.claim(box("acme-shop", box_id="one"))
    with pytest.raises(Conflict):
        await store.claim(box("acme-blog", box_id="one"))
    row, _ = await store.claim(box("acme-blog", box_id="two"))
    with pytest.raises(Conflict):
        await store.save_box(replace(row, box_id="one"))


async def test_every_field_of_a_box_comes_back(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    full = replace(
        row.suspended(later(1), Tier.FROZEN).leased("stop", "me", later(30)),
        service_uuid="handle",
        image="vibn-dev:2",
        reason="weil 💥",
        runtime="docker",
        seeded=True,
        last_active_at=later(2),
    )
    assert await store.save_box(full) == replace(full, version=1)
    assert await store.box("acme-shop") == replace(full, version=1)


async def test_a_save_from_an_old_reading_is_refused(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    won = await store.save_box(row.running(NOW, "handle"))
    assert await store.save_box(row.failed("late")) is None
    assert await store.box("acme-shop") == won


async def test_of_twenty_saves_at_once_one_wins(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    saves = [store.save_box(replace(row, service_uuid=f"h{n}")) for n in range(20)]
    won = [saved for saved in await asyncio.gather(*saves) if saved is not None]
    assert won == [await store.box("acme-shop")]


async def test_a_save_without_a_row_is_refused(store: Store) -> None:
    await furnish(store)
    assert await store.save_box(box()) is None
    assert await store.box("acme-shop") is None


async def test_a_box_is_deleted_only_as_it_was_read(store: Store) -> None:
    await furnish(store)
    old, _ = await store.claim(box())
    new = await store.save_box(old.running(NOW))
    assert new is not None
    assert not await store.delete_box(old)
    assert await store.delete_box(new)
    assert not await store.delete_box(new)
    assert (await store.claim(box()))[1]


async def test_a_touch_never_goes_backwards_nor_changes_the_version(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    for seconds in (5, 3, -1):
        await store.touch({"acme-shop": later(seconds), "nobody": later(9)})
    assert await store.box("acme-shop") == replace(row, last_active_at=later(5))


async def test_a_save_keeps_the_activity_that_was_written_meanwhile(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    await store.touch({"acme-shop": later(5)})
    saved = await store.save_box(row.suspended(later(1), Tier.STOPPED))
    assert saved is not None
    assert saved.last_active_at == later(5)
    assert await store.box("acme-shop") == saved


async def test_touches_and_saves_at_once_lose_nothing(store: Store) -> None:
    slugs = [f"p{n}" for n in range(8)]
    await furnish(store, *slugs)
    rows = [(await store.claim(box(f"acme-{slug}")))[0] for slug in slugs]
    touches = [store.touch({row.project_id: later(n) for row in rows}) for n in range(10)]
    saves = [store.save_box(row.running(NOW)) for row in rows]
    await asyncio.gather(*touches, *saves)
    found = await store.boxes()
    assert {(row.version, row.last_active_at) for row in found} == {(1, later(9))}
    assert len(found) == 8


async def test_boxes_are_listed_by_state_oldest_activity_first(store: Store) -> None:
    await furnish(store, "a", "b", "c")
    for slug, seconds in (("a", 3), ("b", 1), ("c", 2)):
        row, _ = await store.claim(box(f"acme-{slug}"))
        await store.save_box(row.running(later(seconds)))
    row_b = await store.box("acme-b")
    assert row_b is not None
    await store.save_box(row_b.failed("broken"))
    assert [b.project_id[-1] for b in await store.boxes()] == ["b", "c", "a"]
    assert [b.project_id[-1] for b in await store.boxes(BoxState.RUNNING)] == ["c", "a"]
    assert len(await store.boxes(BoxState.RUNNING, BoxState.FAILED)) == 3


async def test_times_come_back_aware_whatever_zone_they_had(store: Store) -> None:
    await furnish(store)
    zone = timezone(timedelta(hours=5, minutes=30))
    local = datetime(2026, 3, 4, 1, 0, tzinfo=zone)
    await store.claim(replace(box(), created_at=local, last_active_at=local))
    row = await store.box("acme-shop")
    assert row is not None
    assert row.created_at == local
    assert row.created_at.utcoffset() is not None


async def test_touch_compares_moments_not_spellings(store: Store) -> None:
    await furnish(store)
    await store.claim(box())
    ahead = timezone(timedelta(hours=14))
    await store.touch({"acme-shop": later(-60).astimezone(ahead)})
    row = await store.box("acme-shop")
    assert row is not None
    assert row.last_active_at.astimezone(UTC) == NOW


async def test_a_reason_may_quote_anything(store: Store) -> None:
    await furnish(store)
    row, _ = await store.claim(box())
    saved = await store.save_box(row.failed("exec: \0\udcff!"))
    assert saved is not None
    assert saved.reason == "exec: \ufffd?!"
    assert await store.box("acme-shop") == saved


@pytest.mark.parametrize("wrong", [{"image": "\0"}, {"last_active_at": datetime(2026, 1, 1)}])
async def test_a_box_that_cannot_be_kept_is_refused(store: Store, wrong: dict[str, object]) -> None:
    await furnish(store)
    with pytest.raises(InvalidInput):
        await store.claim(replace(box(), **wrong))  # type: ignore[arg-type]


async def test_no_warm_box_is_given_twice(store: Store) -> None:
    for n in range(8):
        await store.add_warm(box("", box_id=f"w{n}"))
    given = await asyncio.gather(*(store.claim_warm("vibn-dev", "memory") for _ in range(20)))
    ids = [warm.box_id for warm in given if warm is not None]
    assert sorted(ids) == [f"w{n}" for n in range(8)]
    assert list(await store.warm()) == []


async def test_a_warm_box_is_claimed_by_image_and_runtime_oldest_first(store: Store) -> None:
    for n, image in enumerate(("new", "old", "new")):
        await store.add_warm(replace(box("", f"w{n}", image), created_at=later(-n)))
    assert [w.box_id for w in await store.warm()] == ["w2", "w1", "w0"]
    assert await store.claim_warm("new", "docker") is None
    claimed = await store.claim_warm("new", "memory")
    assert claimed == replace(box("", "w2", "new"), created_at=later(-2))


async def test_a_warm_box_is_added_once_and_removed_any_number_of_times(store: Store) -> None:
    await store.add_warm(box("", "w"))
    with pytest.raises(AlreadyExists):
        await store.add_warm(box("", "w"))
    await store.remove_warm("w")
    await store.remove_warm("w")
    assert list(await store.warm()) == []


async def test_secrets_are_set_replaced_and_deleted(store: Store) -> None:
    await furnish(store)
    for name, sealed in (("A", b"\0\xff"), ("B", b"2"), ("A", b"3")):
        await store.set_secret("acme-shop", name, sealed)
    assert await store.secrets("acme-shop") == {"A": b"3", "B": b"2"}
    await store.delete_secret("acme-shop", "A")
    await store.delete_secret("acme-shop", "A")
    assert await store.secrets("acme-shop") == {"B": b"2"}


async def test_a_secret_needs_its_project(store: Store) -> None:
    with pytest.raises(ProjectNotFound):
        await store.set_secret("nobody", "A", b"1")
    assert await store.secrets("nobody") == {}


async def test_resealing_keeps_a_value_that_was_set_meanwhile(store: Store) -> None:
    await furnish(store)
    await store.set_secret("acme-shop", "A", b"1")
    assert await store.reseal_secret("acme-shop", "A", b"1", b"one")
    assert not await store.reseal_secret("acme-shop", "A", b"1", b"uno")
    assert not await store.reseal_secret("acme-shop", "B", b"1", b"uno")
    assert await store.secrets("acme-shop") == {"A": b"one"}
