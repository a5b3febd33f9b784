"""The kill switch: followed from the store, and closed when in doubt."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.boxes.conftest import HandClock
from tests.unit.services.conftest import Gatehouse

from vibn.authority import Scope, Switch
from vibn.errors import InvalidInput, ProjectNotFound, SwitchedOff, WorkspaceNotFound
from vibn.services.killswitch import KillSwitch
from vibn.store.memory import MemoryStore


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def refuses(killswitch: KillSwitch, workspace: str = "acme", project: str = "shop") -> bool:
    try:
        killswitch.check(workspace, project)
    except SwitchedOff:
        return True
    return False


async def test_it_refuses_at_once_where_it_was_thrown(gate: Gatehouse):
    await gate.switchboard.disable("", "", "an incident", "ann")
    with pytest.raises(SwitchedOff) as refused:
        gate.killswitch.check("acme", "shop")
    assert refused.value.detail == {"reason": "an incident", "author": "ann", "scope": "global"}
    await gate.switchboard.enable("", "")
    gate.killswitch.check("acme", "shop")


async def test_a_scope_reaches_no_further(gate: Gatehouse):
    await gate.switchboard.disable("acme", "shop", "a loop", "ann")
    assert refuses(gate.killswitch)
    assert not refuses(gate.killswitch, "acme", "blog")
    await gate.switchboard.disable("acme", "", "unpaid", "ann")
    assert refuses(gate.killswitch, "acme", "blog")
    assert not refuses(gate.killswitch, "other", "theirs")


async def test_the_widest_reason_is_told(gate: Gatehouse):
    await gate.switchboard.disable("acme", "shop", "a loop", "ann")
    await gate.switchboard.disable("", "", "an incident", "ann")
    with pytest.raises(SwitchedOff, match="an incident"):
        gate.killswitch.check("acme", "shop")


async def test_another_replica_hears_of_it(gate: Gatehouse):
    other = KillSwitch(gate.store.switches, gate.clock, "r2", lambda _: None)
    await other.open()
    await gate.switchboard.disable("", "", "an incident", "ann")
    await until(lambda: refuses(other))
    await other.close()


async def test_a_state_that_cannot_be_read_counts_as_off(gate: Gatehouse):
    gate.store.away = True
    await asyncio.sleep(0.3)
    assert not refuses(gate.killswitch)
    gate.seconds[0] += 10.1
    with pytest.raises(SwitchedOff) as refused:
        gate.killswitch.check("acme", "shop")
    assert refused.value.detail["reason"] == "stale"
    gate.store.away = False
    await until(lambda: not refuses(gate.killswitch))


async def test_before_it_was_read_everything_is_off():
    switch = KillSwitch(MemoryStore().switches, HandClock(), "r1", lambda _: None)
    assert refuses(switch)


async def test_a_misspelt_name_is_refused(gate: Gatehouse):
    with pytest.raises(WorkspaceNotFound):
        await gate.switchboard.disable("acmee", "", "a loop", "ann")
    with pytest.raises(ProjectNotFound):
        await gate.switchboard.disable("acme", "theirs", "a loop", "ann")


@pytest.mark.parametrize(
    ("workspace", "project", "reason", "author"),
    [("", "shop", "r", "a"), ("", "", " ", "a"), ("", "", "r", ""), ("", "", "x" * 501, "a")],
)
async def test_who_and_why_must_be_told(gate, workspace, project, reason, author):
    with pytest.raises(InvalidInput):
        await gate.switchboard.disable(workspace, project, reason, author)
    assert gate.switchboard.switches.on == ()


async def test_a_kill_is_told_once_on_each_replica(gate: Gatehouse):
    killed: list[Switch] = []
    other = KillSwitch(gate.store.switches, gate.clock, "r2", killed.append)
    await other.open()
    await gate.switchboard.disable("acme", "", "a loop", "ann", kill=True)
    await until(lambda: killed)
    await gate.switchboard.disable("other", "", "another", "ann")
    await until(lambda: refuses(other, "other", "theirs"))
    assert [(s.scope, s.workspace) for s in killed] == [(Scope.WORKSPACE, "acme")]
    await other.close()


async def test_what_was_thrown_before_a_start_ends_nothing(gate: Gatehouse):
    await gate.switchboard.disable("", "", "a loop", "ann", kill=True)
    killed: list[Switch] = []
    late = KillSwitch(gate.store.switches, gate.clock, "r2", killed.append)
    await late.open()
    assert refuses(late)
    assert killed == []
    await late.close()


async def test_a_drill_sees_every_replica_refuse_and_disturbs_nobody(gate: Gatehouse):
    other = KillSwitch(gate.store.switches, gate.clock, "r2", lambda _: None)
    await other.open()
    gate.seconds[0] = 1.0
    drill = await gate.switchboard.drill("ann")
    assert [r.id for r in drill.replicas] == ["r1", "r2"]
    assert drill.ms is not None
    assert not refuses(gate.killswitch)
    assert (await gate.store.switches.all()).on == ()
    await other.close()


async def test_a_replica_that_does_not_follow_fails_the_drill(gate: Gatehouse):
    deaf = KillSwitch(gate.store.switches, gate.clock, "r2", lambda _: None)
    await deaf.open()
    assert deaf._follower is not None
    deaf._follower.cancel()
    waiting = asyncio.create_task(gate.switchboard.drill("ann"))
    await until(lambda: gate.switchboard.switches.on)
    gate.seconds[0] += 16
    drill = await waiting
    assert drill.ms is None
    assert [r.id for r in drill.replicas if r.ms is None] == ["r2"]
