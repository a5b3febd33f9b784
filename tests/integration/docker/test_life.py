"""A box's life on the engine: what is made, what stays, what goes."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest

from vibn.channel.client import AgentClient
from vibn.config import Settings
from vibn.errors import AgentLost, BoxAbsent, BoxFailed, Conflict
from vibn.models import BoxRef, BoxSpec, RuntimeState
from vibn.runtimes.docker import DockerRuntime, available
from vibn.runtimes.docker.engine import Engine, engine_url


async def test_files_survive_stop_recreate_and_go_with_the_volumes(either, make, reach):
    ref = await make(either)
    await keep(await reach(either, ref))
    await either.stop(ref)
    await either.start(ref)
    assert await kept(await reach(either, ref))
    await either.remove(ref)
    again = await make(either, box_id=ref.box_id)
    assert again.handle != ref.handle
    assert await kept(await reach(either, again))
    await either.remove(again, volumes=True)
    assert await either.list() == []


async def test_a_box_made_without_start_stays_stopped_until_started(runtime, make):
    ref = await make(runtime, start=False)
    assert (await runtime.status(ref)).state is RuntimeState.STOPPED
    await runtime.start(ref)
    assert (await runtime.status(ref)).state is RuntimeState.RUNNING


async def test_creating_again_at_once_returns_one_container(runtime, make):
    box_id = secrets.token_hex(8)
    made = await asyncio.gather(*(make(runtime, box_id=box_id) for _ in range(5)))
    assert len({ref.handle for ref in made}) == 1
    assert len(await runtime.list()) == 1


async def test_volumes_left_alone_are_listed_without_a_container(runtime, make):
    ref = await make(runtime)
    await runtime.remove(ref)
    (left,) = await runtime.list()
    assert (left.ref.box_id, left.has_container) == (ref.box_id, False)
    assert left.state is RuntimeState.ABSENT


async def test_a_container_removed_by_hand_is_absent_and_its_files_stay(runtime, make, reach):
    ref = await make(runtime)
    await keep(await reach(runtime, ref))
    await docker("rm", "-f", ref.handle)
    assert (await runtime.status(ref)).state is RuntimeState.ABSENT
    for verb in (runtime.start, runtime.stop, runtime.freeze, runtime.thaw, runtime.connect):
        with pytest.raises(BoxAbsent):
            await verb(ref)
    again = await make(runtime, box_id=ref.box_id)
    assert await kept(await reach(runtime, again))


async def test_a_pruned_network_is_made_again_at_start(runtime, make, reach):
    ref = await make(runtime)
    await runtime.stop(ref)
    await docker("network", "rm", f"vibn-{ref.box_id}")
    await runtime.start(ref)
    assert (await (await reach(runtime, ref)).exec("true")).exit == 0


async def test_another_installation_sees_and_touches_nothing(runtime, make, settings):
    ref = await make(runtime)
    stranger = DockerRuntime(settings, "test-stranger")
    try:
        assert await stranger.list() == []
        assert (await stranger.status(ref)).state is RuntimeState.ABSENT
        with pytest.raises(BoxAbsent):
            await stranger.connect(ref)
        with pytest.raises(Conflict):
            await make(stranger, box_id=ref.box_id)
        await stranger.remove(ref)
    finally:
        await stranger.close()
    assert (await runtime.status(ref)).state is RuntimeState.RUNNING


async def test_a_handle_of_another_box_reaches_nothing(runtime, make):
    one, other = await asyncio.gather(make(runtime), make(runtime))
    with pytest.raises(BoxAbsent):
        await runtime.connect(BoxRef(one.box_id, other.handle))


async def test_the_container_is_hardened_and_limited(runtime, make):
    ref = await make(runtime)
    host = json.loads(await docker("inspect", ref.handle, "--format", "{{json .HostConfig}}"))
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert (host["Memory"], host["MemorySwap"]) == (256 << 20, 256 << 20)
    assert (host["NanoCpus"], host["PidsLimit"]) == (10**9, 128)
    assert host["LogConfig"]["Config"] == {"max-file": "1", "max-size": str(1 << 20)}
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert (host["Init"], host["Privileged"], host["Binds"]) == (True, False, None)


async def test_commands_run_as_vibn_without_a_capability(either, make, reach):
    client = await reach(either, await make(either, env={"GREETING": "hello"}))
    done = await client.exec("id -un; pwd; echo $VIBN_PROJECT_SLUG $VIBN_DEV_CONTAINER $GREETING")
    assert done.stdout.decode().split("\n") == ["vibn", "/workspace", "acme 1 hello", ""]
    held = await client.exec("grep -E 'Cap(Prm|Eff|Inh|Amb)|NoNewPrivs' /proc/self/status")
    values = [line.split()[1] for line in held.stdout.decode().splitlines()]
    assert values == ["0" * 16] * 4 + ["1"]


async def test_the_engines_socket_and_the_hosts_files_are_not_in_the_box(runtime, make, reach):
    client = await reach(runtime, await make(runtime))
    done = await client.exec("ls /var/run/docker.sock /run/docker.sock /var/lib/docker")
    assert done.exit != 0
    assert done.stdout == b""
    mounts = (await client.exec("cut -d' ' -f5 /proc/self/mountinfo")).stdout.decode().split()
    ours = {
        m
        for m in mounts
        if "docker-init" not in m and not m.startswith(("/proc", "/sys", "/dev", "/etc"))
    }
    lent = {"/", "/workspace", "/home/vibn/.cache", "/run/vibn", "/opt/vibn/agent.pyz"}
    assert ours - {"/tmp", "/var/tmp"} == lent


async def test_out_of_memory_is_told_and_the_box_lives_on(runtime, make, reach):
    ref = await make(runtime)
    client = await reach(runtime, ref)
    await keep(client)
    done = await client.exec("python3 -c 'x = b\"x\" * (1 << 30)'")
    assert done.oom
    assert (await runtime.status(ref)).state is RuntimeState.RUNNING
    assert await kept(await reach(runtime, ref))


async def test_killing_everything_inside_ends_in_a_box_that_runs(runtime, make, reach):
    ref = await make(runtime)
    client = await reach(runtime, ref)
    with pytest.raises(Exception, match=r".") as lost:
        await client.exec("kill -9 -1; sleep 30")
    assert getattr(lost.value, "code", "") == "agent_lost"
    assert (await exec_again(runtime, ref, reach, "echo back")) == b"back\n"


async def test_freezing_keeps_memory_and_a_stop_thaws_first(runtime, make, reach):
    ref = await make(runtime)
    job = await (await reach(runtime, ref)).job_start("sleep 600")
    await runtime.freeze(ref)
    await runtime.freeze(ref)
    assert (await runtime.status(ref)).state is RuntimeState.FROZEN
    await runtime.start(ref)
    jobs = await (await reach(runtime, ref)).job_list()
    assert [(j.id, j.state) for j in jobs] == [(job.id, "running")]
    await runtime.freeze(ref)
    await runtime.stop(ref, grace=5)
    assert (await runtime.status(ref)).state is RuntimeState.STOPPED


async def test_a_missing_image_names_the_command_that_builds_it(runtime):
    with pytest.raises(BoxFailed) as failed:
        await runtime.create(BoxSpec("b1", "acme", "team", "vibn-none:nowhere"))
    assert "vibn image build" in failed.value.hint
    found = await available(Settings(dev_image="vibn-none:nowhere"))
    assert not found.usable
    assert "vibn image build" in found.reason


async def test_an_engine_that_does_not_answer_is_said_so(settings, tmp_path):
    away = DockerRuntime(settings, "test-away", url=f"unix://{tmp_path}/none.sock")
    (finding,) = await away.check()
    assert finding.severity == "error"
    with pytest.raises(Exception, match="does not answer") as failed:
        await away.list()
    assert getattr(failed.value, "code", "") == "runtime_unavailable"
    await away.close()


async def test_more_than_31_projects_get_networks(runtime, settings, installation):
    from vibn.runtimes.docker.networks import Networks
    from vibn.runtimes.docker.owned import Owner

    engine = Engine(engine_url())
    networks = Networks(engine, settings.docker_subnets)
    owners = [Owner(installation, f"net{n}") for n in range(40)]
    try:
        await asyncio.gather(
            *(networks.ensure(owner, BoxSpec(owner.box_id, "acme", "team", "")) for owner in owners)
        )
        names = await docker(
            "network", "ls", "-q", "--filter", f"label=vibn.installation={installation}"
        )
        assert len(names.split()) == 40
    finally:
        await asyncio.gather(*(networks.remove(owner) for owner in owners))
        await engine.close()


async def docker(*command: str) -> str:
    """What the engine's own command line says, which knows nothing of our code."""
    process = await asyncio.create_subprocess_exec(
        "docker", *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def exec_again(runtime: DockerRuntime, ref: BoxRef, reach, cmd: str) -> bytes:
    """What ``cmd`` prints, once the agent that is being started again answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                return (await (await reach(runtime, ref)).exec(cmd)).stdout
            except AgentLost:
                await asyncio.sleep(0.05)


async def keep(client: AgentClient) -> None:
    assert (await client.exec("echo kept > kept.txt")).exit == 0


async def kept(client: AgentClient) -> bool:
    return (await client.exec("cat kept.txt")).stdout == b"kept\n"
