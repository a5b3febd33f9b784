"""What every store promises of switches and of the replicas that apply them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.contract.store.conftest import Opener
from tests.contract.store.values import NOW

from vibn.authority import Replica, Scope, Switch
from vibn.store.base import Store

SHOP = Switch(Scope.PROJECT, "acme", "shop", "a bad loop", "ann", NOW, kill=True)
ALL = Switch(Scope.GLOBAL, "", "", "an incident", "bob", NOW + timedelta(seconds=1))


async def test_nothing_is_off_at_first(store: Store):
    switches = await store.switches.all()
    assert (switches.revision, switches.on) == (0, ())


async def test_each_change_has_a_revision_of_its_own(store: Store):
    first = await store.switches.set(SHOP)
    second = await store.switches.set(ALL)
    third = await store.switches.clear(SHOP)
    assert [s.revision for s in (first, second, third)] == [1, 2, 3]
    assert [s.on for s in (first, second, third)] == [(SHOP,), (SHOP, ALL), (ALL,)]
    assert await store.switches.all() == third


async def test_a_switch_of_the_same_scope_is_replaced(store: Store):
    await store.switches.set(SHOP)
    newer = replace(SHOP, reason="a worse loop", kill=False)
    assert (await store.switches.set(newer)).on == (newer,)


async def test_clearing_what_is_not_on_is_fine(store: Store):
    assert (await store.switches.clear(ALL)).on == ()


async def test_a_change_by_another_is_heard_at_once(another: Opener):
    one, two = await another(), await another()
    changes = two.switches.changes()
    await anext(changes)
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    await one.switches.set(ALL)
    async with asyncio.timeout(5):
        await waiting
        while not (await two.switches.all()).on:
            await anext(changes)
    await changes.aclose()


async def test_replicas_are_known_until_they_leave_or_are_silent(store: Store):
    old, live = Replica("a", NOW, NOW, 0), Replica("b", NOW, NOW + timedelta(seconds=9), 1)
    for replica in (old, live, replace(live, applied=2)):
        await store.switches.beat(replica)
    since = NOW + timedelta(seconds=5)
    assert await store.switches.replicas(since) == [replace(live, applied=2)]
    for _ in range(2):
        await store.switches.leave("b")
    assert await store.switches.replicas(since) == []


def test_a_switch_covers_what_is_in_its_scope():
    shop, acme = SHOP, replace(SHOP, scope=Scope.WORKSPACE, project="")
    assert [s.covers("acme", "shop") for s in (ALL, acme, shop)] == [True, True, True]
    assert [s.covers("acme", "blog") for s in (ALL, acme, shop)] == [True, True, False]
    assert [s.covers("other", "shop") for s in (ALL, acme, shop)] == [True, False, False]
    assert [s.covers("acme", "") for s in (ALL, acme, shop)] == [True, True, False]
