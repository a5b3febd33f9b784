"""What every store promises of the audit trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.contract.store.values import NOW

from vibn.authority import AuditHead, AuditRow
from vibn.store.base import Store

FIRST = AuditRow(
    chain="c1",
    seq=1,
    at=NOW,
    request="r",
    surface="rest",
    token="t1",
    workspace="acme",
    project="shop",
    tool="fs_read",
    arguments="hash",
    paths=("a.py", "b é.py"),
    outcome="ok",
    ms=1.25,
    received=2**40,
    sent=3,
    mac="m1",
)
HEAD = AuditHead("c1", 1, "m1", NOW, False, "signed")


def row(seq: int, **change: object) -> AuditRow:
    return replace(FIRST, seq=seq, at=NOW + timedelta(seconds=seq), mac=f"m{seq}", **change)


async def test_rows_come_back_as_they_went_in(store: Store):
    await store.trail.append([FIRST], [HEAD])
    assert await store.trail.rows("c1", 0, 10) == [FIRST]
    assert await store.trail.heads("c1") == [HEAD]


async def test_a_batch_may_be_repeated(store: Store):
    await store.trail.append([FIRST], [HEAD])
    await store.trail.append([replace(FIRST, tool="other"), row(2)], [HEAD])
    assert await store.trail.rows("c1", 0, 10) == [FIRST, row(2)]
    assert await store.trail.heads("c1") == [HEAD]


async def test_rows_of_a_chain_come_in_order_and_in_pages(store: Store):
    await store.trail.append([row(seq) for seq in (3, 1, 2)])
    await store.trail.append([row(1, chain="c0")])
    assert [r.seq for r in await store.trail.rows("c1", 1, 1)] == [2]
    assert [r.seq for r in await store.trail.rows("c1", 1, 9)] == [2, 3]


async def test_chains_are_those_of_rows_and_of_heads(store: Store):
    await store.trail.append([FIRST], [replace(HEAD, chain="c2")])
    assert await store.trail.chains() == ["c1", "c2"]


async def test_recent_rows_are_the_newest_of_who_asks(store: Store):
    await store.trail.append(
        [row(1), row(2, project="blog"), row(3), row(4, workspace="other"), row(5)]
    )
    page = await store.trail.recent(workspace="acme", project="shop", limit=2)
    assert [r.seq for r in page] == [5, 3]
    last = page[-1]
    rest = await store.trail.recent(
        workspace="acme", project="shop", before=(last.at, last.chain, last.seq)
    )
    assert [r.seq for r in rest] == [1]
    assert [r.seq for r in await store.trail.recent()] == [5, 4, 3, 2, 1]
    assert await store.trail.recent(workspace="ac\0me") == []
