"""Admission of calls: who, where, what; and one audit row whatever comes of it."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.services.conftest import Gatehouse

from vibn.authority import Access
from vibn.errors import (
    AdminRequired,
    Forbidden,
    InvalidInput,
    ProjectNotFound,
    ReadOnlyToken,
    ShuttingDown,
    SwitchedOff,
    TokenRevoked,
    Unauthenticated,
    VibnError,
)
from vibn.services import calls
from vibn.services.calls import Caller, Purpose

READ = Purpose("fs_read")
WRITE = Purpose("fs_write", writes=True)
LIST = Purpose("projects_list", box=False)


async def fails(gate: Gatehouse, caller: Caller, purpose: Purpose, project=None) -> VibnError:
    with pytest.raises(VibnError) as refused:
        async with gate.calls.open(caller, purpose, project):
            pass
    return refused.value


async def test_a_call_works_in_its_project(gate: Gatehouse):
    async with gate.calls.open(await gate.caller(), WRITE, "shop", paths=["a.txt"]) as call:
        await call.files.write(call.workspace, call.project, "a.txt", "hello")
        result = await call.shell.exec(call.workspace, call.project, "cat a.txt")
        call.sent(5)
    assert result.stdout == "hello"
    (entry,) = gate.notes.entries
    assert (entry.tool, entry.project, entry.outcome) == ("fs_write", "shop", "ok")
    assert (entry.workspace, entry.paths) == ("acme", ("a.txt",))
    assert [t.id for t in await gate.store.tokens.of_workspace("acme")] == [entry.token]
    assert (entry.sent, entry.ms > 0) == (5, True)


async def test_it_costs_one_look_at_the_store(gate: Gatehouse, monkeypatch: pytest.MonkeyPatch):
    caller, looks = await gate.caller(), []
    async with gate.calls.open(caller, WRITE, "shop") as call:
        await call.shell.exec("acme", "shop", "true")
    admit = gate.store.tokens.admit

    async def counted(*args):
        looks.append(args)
        return await admit(*args)

    monkeypatch.setattr(gate.store.tokens, "admit", counted)
    for name in ("locate", "box", "projects", "secrets"):
        monkeypatch.setattr(gate.store, name, None)
    async with gate.calls.open(caller, WRITE, "shop") as call:
        await call.shell.exec("acme", "shop", "true")
    assert len(looks) == 1


async def test_it_leads_to_no_other_project(gate: Gatehouse):
    await gate.projects.ensure("acme", "blog")
    async with gate.calls.open(await gate.caller(), WRITE, "shop") as call:
        for where in (("acme", "blog"), ("other", "theirs")):
            with pytest.raises(ProjectNotFound):
                await call.shell.exec(*where, "true")
            with pytest.raises(ProjectNotFound):
                await call.files.list(*where)


async def test_a_foreign_project_is_refused_in_the_words_of_a_missing_one(gate: Gatehouse):
    caller = await gate.caller()
    foreign = await fails(gate, caller, READ, "theirs")
    missing = await fails(gate, caller, READ, "nowhere")
    assert isinstance(foreign, ProjectNotFound)
    assert str(foreign).replace("theirs", "nowhere") == str(missing)
    assert foreign.detail == missing.detail


async def test_a_token_held_to_a_project_needs_not_name_it(gate: Gatehouse):
    await gate.projects.ensure("acme", "blog")
    caller = await gate.caller(project="shop")
    async with gate.calls.open(caller, READ) as call:
        assert call.project == "shop"
    assert isinstance(await fails(gate, caller, READ, "blog"), ProjectNotFound)


async def test_a_call_that_names_no_project_says_so_when_it_needs_one(gate: Gatehouse):
    async with gate.calls.open(await gate.caller(), LIST) as call:
        assert call.workspace == "acme"
        with pytest.raises(InvalidInput, match="names no project"):
            _ = call.project


async def test_a_read_only_token_changes_nothing(gate: Gatehouse):
    caller = await gate.caller(access=Access.READ)
    assert isinstance(await fails(gate, caller, WRITE, "shop"), ReadOnlyToken)
    async with gate.calls.open(caller, READ, "shop"):
        pass


async def test_what_concerns_the_workspace_is_not_for_a_token_of_one_project(gate: Gatehouse):
    purpose = Purpose("projects_create", writes=True, box=False, workspace_wide=True)
    assert isinstance(await fails(gate, await gate.caller(project="shop"), purpose), Forbidden)


async def test_the_kill_switch_refuses_what_needs_a_box(gate: Gatehouse):
    caller = await gate.caller()
    await gate.switchboard.disable("acme", "shop", "a loop", "ann")
    assert isinstance(await fails(gate, caller, READ, "shop"), SwitchedOff)
    async with gate.calls.open(caller, LIST, "shop"):
        pass
    assert gate.notes.told == [
        ("fs_read", "shop", "switched_off"),
        ("projects_list", "shop", "ok"),
    ]


async def test_a_foreign_project_tells_nothing_of_its_kill_switch(gate: Gatehouse):
    await gate.switchboard.disable("other", "theirs", "a loop", "ann")
    assert isinstance(await fails(gate, await gate.caller(), READ, "theirs"), ProjectNotFound)


async def test_a_kill_ends_the_command_that_runs_and_no_other(gate: Gatehouse):
    await gate.projects.ensure("acme", "blog")
    caller = await gate.caller()
    started = {slug: asyncio.Event() for slug in ("shop", "blog")}

    async def sleep(slug: str) -> str:
        async with gate.calls.open(caller, WRITE, slug) as call:
            await call.shell.exec("acme", slug, "true")
            started[slug].set()
            return (await call.shell.exec("acme", slug, "sleep 3; echo slept")).stdout

    tasks = {slug: asyncio.create_task(sleep(slug)) for slug in started}
    async with asyncio.timeout(30):
        for event in started.values():
            await event.wait()
    await gate.switchboard.disable("acme", "shop", "a loop", "ann", kill=True)
    with pytest.raises(SwitchedOff, match="a loop"):
        await tasks["shop"]
    assert await tasks["blog"] == "slept\n"
    assert gate.notes.told == [("fs_write", "shop", "switched_off"), ("fs_write", "blog", "ok")]


async def test_a_kill_ends_jobs_too(gate: Gatehouse):
    async with gate.calls.open(await gate.caller(), WRITE, "shop") as call:
        job = await call.shell.start("acme", "shop", "sleep 60")
        await gate.switchboard.disable("", "", "a loop", "ann")
        (running,) = await call.shell.list("acme", "shop")
        assert running.state == "running"
    await gate.switchboard.disable("", "", "a loop", "ann", kill=True)
    await gate.switchboard.enable("", "")
    async with gate.calls.open(await gate.caller(), READ, "shop") as call:
        async with asyncio.timeout(30):
            while (ended := (await call.shell.list("acme", "shop"))[0]).state == "running":
                await asyncio.sleep(0.05)
    assert (ended.id, ended.signal) == (job, "KILL")


async def test_a_caller_s_own_cancellation_stays_one(gate: Gatehouse):
    async def wait() -> None:
        async with gate.calls.open(await gate.caller(), READ, "shop"):
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    while not gate.calls.under_way:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.notes.told == [("fs_read", "shop", "cancelled")]


async def test_a_shutdown_lets_short_calls_end_and_ends_long_ones(gate: Gatehouse):
    caller, done = await gate.caller(), []

    async def work(seconds: float) -> None:
        async with gate.calls.open(caller, READ, "shop"):
            await asyncio.sleep(seconds)
            done.append(seconds)

    tasks = [asyncio.create_task(work(seconds)) for seconds in (0.05, 60)]
    while gate.calls.under_way < 2:
        await asyncio.sleep(0.001)
    await gate.calls.close(grace=0.5)
    assert done == [0.05]
    with pytest.raises(ShuttingDown):
        await tasks[1]
    assert isinstance(await fails(gate, caller, READ, "shop"), ShuttingDown)


async def test_only_the_admin_secret_administers(gate: Gatehouse):
    async with gate.calls.administer(gate.operator, "tokens.create", workspace="acme"):
        pass
    for credential, error in (("", Unauthenticated), ("wrong", AdminRequired)):
        with pytest.raises(error):
            async with gate.calls.administer(Caller(credential, "test", "r"), "tokens.create"):
                pass
    assert [(e.tool, e.token, e.outcome) for e in gate.notes.entries] == [
        ("tokens.create", "admin", "ok"),
        ("tokens.create", "", "unauthenticated"),
        ("tokens.create", "", "admin_required"),
    ]


async def test_the_admin_secret_reaches_no_project(gate: Gatehouse):
    assert isinstance(await fails(gate, gate.operator, READ, "shop"), Unauthenticated)


async def test_a_caller_s_credential_is_in_no_repr(gate: Gatehouse):
    assert "admin secret" not in repr(gate.operator)


async def test_what_the_block_raises_is_noted_by_its_code(gate: Gatehouse):
    with pytest.raises(ZeroDivisionError):
        async with gate.calls.open(await gate.caller(), READ, "shop"):
            raise ZeroDivisionError
    assert gate.notes.told == [("fs_read", "shop", "internal")]


async def test_a_request_that_was_looked_at_needs_no_second_look(gate: Gatehouse, monkeypatch):
    caller, looks = await gate.caller(), []
    admit = gate.store.tokens.admit

    async def counted(*args):
        looks.append(args)
        return await admit(*args)

    monkeypatch.setattr(gate.store.tokens, "admit", counted)
    await gate.calls.identify(caller, "shop")
    async with gate.calls.open(caller, READ, "shop"):
        assert len(looks) == 1
    async with gate.calls.open(caller, READ, "shop"):
        assert len(looks) == 2


async def test_a_likely_project_that_is_not_there_is_refused_when_it_is_asked_for(gate: Gatehouse):
    caller = await gate.caller()
    await gate.calls.identify(caller, "theirs", must=False)
    assert isinstance(await fails(gate, caller, READ, "theirs"), ProjectNotFound)
    with pytest.raises(ProjectNotFound):
        await gate.calls.identify(caller, "theirs")


async def test_an_old_look_does_not_count(gate: Gatehouse, monkeypatch):
    monkeypatch.setattr(calls, "MOMENT", 0.0)
    caller = await gate.caller()
    token = await gate.calls.identify(caller, "shop")
    await gate.tokens.revoke("acme", token.id)
    assert isinstance(await fails(gate, caller, READ, "shop"), TokenRevoked)
