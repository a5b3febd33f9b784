"""Several control planes on one database, as real processes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.contract.store.conftest import Opener
from tests.contract.store.values import box, furnish

START = """
import asyncio, json, sys
from dataclasses import replace
from pathlib import Path
from vibn.config import Settings
from vibn.store.sql import open_store

async def main(url, state_dir, me):
    store = open_store(Settings(database_url=url, state_dir=Path(state_dir)))
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open()
    print(json.dumps(await work(store, me)), flush=True)
    await store.close()
"""
OPEN = "async def work(store, me):\n    return await store.installation(me)\n"
COME_AND_GO = """
async def work(store, me):
    for _ in range(20):
        await store.close()
        await store.open()
    return await store.installation(me)
"""
CLAIM = """
async def work(store, me):
    row = await store.box("acme-blog")
    mine = replace(row, project_id="acme-shop")
    claims = [store.claim(replace(mine, box_id=f"{me}{n}")) for n in range(25)]
    return [mine for _, mine in await asyncio.gather(*claims)].count(True)
"""
COUNT = """
async def work(store, me):
    done = 0
    while done < 40:
        row = await store.box("acme-blog")
        done += await store.save_box(replace(row, image=row.image + me)) is not None
    return done
"""
WARM = """
async def work(store, me):
    given = await asyncio.gather(*(store.claim_warm("vibn-dev", "memory") for _ in range(10)))
    return [warm.box_id for warm in given if warm is not None]
"""


async def together(work: str, processes: int, url: str, state_dir: Path) -> list[object]:
    """What each process answers; all begin to work when all are ready."""
    program = f"{START}{work}\nasyncio.run(main(*sys.argv[1:]))"
    started = []
    for n in range(processes):
        args = [sys.executable, "-c", program, url, str(state_dir), str(n)]
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        started.append(await asyncio.create_subprocess_exec(*args, **pipes))
    try:
        async with asyncio.timeout(60):
            for process in started:
                assert process.stdout is not None
                assert await process.stdout.readline() == b"ready\n"
            answers = await asyncio.gather(*(process.communicate(b"go\n") for process in started))
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert [process.returncode for process in started] == [0] * processes
    return [json.loads(out) for out, _ in answers]


async def test_processes_that_start_at_once_migrate_once(database: str, tmp_path: Path) -> None:
    ids = await together(OPEN, 4, database, tmp_path)
    assert len(set(map(str, ids))) == 1


async def test_processes_that_come_and_go_never_find_it_locked(
    database: str, tmp_path: Path
) -> None:
    ids = await together(COME_AND_GO, 3, database, tmp_path)
    assert len(set(map(str, ids))) == 1


async def test_of_two_processes_claims_one_makes_the_row(
    database: str, tmp_path: Path, another: Opener
) -> None:
    store = await another()
    await furnish(store, "shop", "blog")
    await store.claim(box("acme-blog"))
    assert sum(await together(CLAIM, 2, database, tmp_path)) == 1  # type: ignore[arg-type]
    assert len(await store.boxes()) == 2


async def test_no_save_of_two_processes_is_lost(
    database: str, tmp_path: Path, another: Opener
) -> None:
    store = await another()
    await furnish(store, "blog")
    await store.claim(box("acme-blog", image="="))
    assert await together(COUNT, 2, database, tmp_path) == [40, 40]
    row = await store.box("acme-blog")
    assert row is not None
    assert (row.version, row.image.count("0"), row.image.count("1")) == (80, 40, 40)


async def test_two_processes_never_get_the_same_warm_box(
    database: str, tmp_path: Path, another: Opener
) -> None:
    store = await another()
    for n in range(12):
        await store.add_warm(box("", f"w{n:02}"))
    given = await together(WARM, 2, database, tmp_path)
    assert sorted([*given[0], *given[1]]) == [f"w{n:02}" for n in range(12)]  # type: ignore[misc]
