"""A control plane on a directory: what the crash test runs, kills, and runs again.

    python control_plane.py STATE_DIR RUNTIME SCENARIO

does one scenario in a process of its own, where VIBN_FAULT may kill it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from vibn.channel import AgentClient, Pool
from vibn.config import Settings
from vibn.errors import AgentLost, BoxFailed, RuntimeUnavailable
from vibn.models import BoxRef, BoxSpec, Seed, Tier
from vibn.services.clock import SystemClock
from vibn.services.environment import Environment
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import Effect, Faults, from_environment
from vibn.services.life.reconcile import Reconciler
from vibn.services.life.strays import Strays
from vibn.services.projects import Projects
from vibn.services.sealing import Keyring
from vibn.services.secrets import Secrets
from vibn.store.sql import open_store

WHERE = ("acme", "shop")
SECRET = "a-secret-of-the-shop"


class LaterClock(SystemClock):
    """The machine's clock, ahead: for it, every lease of a killed process has run out."""

    def __init__(self, ahead: float) -> None:
        self._ahead = timedelta(seconds=ahead)

    def now(self) -> datetime:
        return super().now() + self._ahead


@dataclass
class Plane:
    store: Any
    runtime: Any
    pool: Pool
    boxes: Boxes
    projects: Projects
    secrets: Secrets
    reconciler: Reconciler


def make(name: str, settings: Settings, installation: str) -> Any:
    """Imports the one runtime that is asked for: a process is started for each fault point."""
    if name == "docker":
        from vibn.runtimes.docker import DockerRuntime

        return DockerRuntime(settings, installation)
    from vibn.runtimes.bubblewrap import BubblewrapRuntime

    return BubblewrapRuntime(settings, installation)


Wrap = Callable[[Any], Any]


@asynccontextmanager
async def control_plane(
    state_dir: Path,
    runtime_name: str,
    *,
    faults: Faults | None = None,
    ahead: float = 0.0,
    lease: float = 30.0,
    wrap_store: Wrap = lambda store: store,
    wrap_runtime: Wrap = lambda runtime: runtime,
    wrap_pool: Wrap = lambda pool: pool,
    **changes: Any,
) -> AsyncIterator[Plane]:
    settings = Settings(state_dir=state_dir).model_copy(update=changes)
    store = open_store(settings)
    await store.open()
    installation = await store.installation(token_hex(8))
    runtime = make(runtime_name, settings, installation)
    pool = Pool(runtime.connect)
    clock = LaterClock(ahead)
    faults = faults or from_environment()
    secrets = Secrets(wrap_store(store), Keyring(state_dir / "secrets.keys"), faults)
    boxes = Boxes(
        wrap_store(store),
        wrap_runtime(runtime),
        wrap_pool(pool),
        clock,
        lambda: token_hex(8),
        settings,
        Environment(secrets),
        lambda _project: None,
        faults=faults,
        lease=lease,
    )
    projects = Projects(wrap_store(store), boxes, clock, lambda: token_hex(8), faults)
    strays = Strays(boxes.containers, pool, clock)
    try:
        yield Plane(store, runtime, pool, boxes, projects, secrets, Reconciler(boxes, strays))
    finally:
        await boxes.close()
        await pool.close()
        await runtime.close()
        await store.close()


@dataclass(frozen=True)
class Scenario:
    """``effects`` are what ``act`` does to the outside, in this order. One that it does twice is
    killed at the first."""

    act: Callable[[Plane], Awaitable[object]]
    effects: tuple[Effect, ...]
    begin: str = "running"
    """How the project's box is when it begins: absent, running, stopped or frozen."""
    seed: bool = False
    keeps: bool = True
    """Whether the files of before are there afterwards."""
    settings: Mapping[str, object] | None = None
    lease: float = 30.0
    freezes: bool = False


async def renew(plane: Plane) -> None:
    """A suspend that takes longer than a third of its lease."""
    real = plane.boxes.runtime

    async def slow(*args: Any) -> None:
        await asyncio.sleep(1.2)
        await real.stop(*args)

    plane.boxes.containers.runtime = Changed(real, stop=slow)
    await plane.boxes.suspend(*WHERE)


async def break_off(plane: Plane) -> None:
    """The engine goes away in the middle of a deletion."""

    async def away(*_: Any) -> None:
        raise RuntimeUnavailable("The engine does not answer.")

    plane.boxes.containers.runtime = Changed(plane.runtime, remove=away)
    try:
        await plane.boxes.delete(*WHERE, volumes=False)
    except RuntimeUnavailable:
        return


async def move_to_a_missing_image(plane: Plane) -> None:
    """No container can be made on the new image: the box goes back to the old one."""
    real = plane.boxes.runtime

    async def create(spec: BoxSpec) -> str:
        if spec.image == "vibn-dev:missing":
            raise BoxFailed("No such image.")
        made: str = await real.create(spec)
        return made

    plane.boxes.containers.runtime = Changed(real, create=create)
    try:
        await plane.boxes.recreate(*WHERE, "vibn-dev:missing")
    except BoxFailed:
        return


class Changed:
    """The real runtime but for the verbs that are given."""

    def __init__(self, real: object, **verbs: object) -> None:
        self._real = real
        self.__dict__.update(verbs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def configure(plane: Plane) -> None:
    await plane.projects.create_workspace("newco")
    await plane.projects.create("newco", "site")
    await plane.projects.set_env("newco", "site", {"A": "1"})


async def hide(plane: Plane) -> None:
    """A secret is set, sealed anew with another key, and another one goes."""
    project = (await plane.store.locate(*WHERE)).project.id
    await plane.secrets.set(project, "TOKEN", SECRET)
    await plane.secrets.rotate()
    await plane.secrets.delete(project, "TOKEN")


async def restart(plane: Plane) -> None:
    """The box runs, but twice nobody answers for its agent."""
    real, asked = plane.boxes._pool, []

    async def get(ref: BoxRef, user: str = "vibn") -> AgentClient:
        asked.append(ref)
        if len(asked) <= 2:
            raise AgentLost("The agent does not answer.")
        return await real.get(ref, user)

    plane.boxes._pool = Changed(real, get=get)  # type: ignore[assignment]
    await plane.boxes.agent(*WHERE)


async def fill(plane: Plane) -> None:
    await plane.boxes.warm.refill()


async def heal(plane: Plane) -> None:
    """Another hand removed the container: the next call makes it again."""
    await plane.boxes.agent(*WHERE)


async def follow(plane: Plane) -> None:
    await plane.reconciler.once()


E = Effect
SCENARIOS: dict[str, Scenario] = {
    "create": Scenario(
        lambda p: p.boxes.ensure(*WHERE),
        (E.CLAIM_ROW, E.CREATE_CONTAINER, E.SETTLE_ROW),
        begin="absent",
    ),
    "create_stopped": Scenario(
        lambda p: p.boxes.ensure(*WHERE, start=False),
        (E.CLAIM_ROW, E.CREATE_CONTAINER, E.SETTLE_ROW),
        begin="absent",
    ),
    "create_seeded": Scenario(
        lambda p: p.boxes.ensure(*WHERE),
        (
            E.CLAIM_ROW,
            E.CREATE_CONTAINER,
            E.KEEP_ROW,
            E.FETCH_SEED,
            E.PLACE_SEED,
            E.MARK_SEEDED,
            E.TIDY_SEED,
            E.SETTLE_ROW,
        ),
        begin="absent",
        seed=True,
    ),
    "stop": Scenario(
        lambda p: p.boxes.suspend(*WHERE), (E.TAKE_LEASE, E.STOP_CONTAINER, E.SETTLE_ROW)
    ),
    "start": Scenario(
        lambda p: p.boxes.resume(*WHERE),
        (E.TAKE_LEASE, E.START_CONTAINER, E.SETTLE_ROW),
        begin="stopped",
    ),
    "freeze": Scenario(
        lambda p: p.boxes.suspend(*WHERE, Tier.FROZEN),
        (E.TAKE_LEASE, E.FREEZE_CONTAINER, E.SETTLE_ROW),
        freezes=True,
    ),
    "thaw": Scenario(
        lambda p: p.boxes.resume(*WHERE),
        (E.TAKE_LEASE, E.THAW_CONTAINER, E.SETTLE_ROW),
        begin="frozen",
        freezes=True,
    ),
    "recreate": Scenario(
        lambda p: p.boxes.recreate(*WHERE),
        (E.TAKE_LEASE, E.REMOVE_CONTAINER, E.CREATE_CONTAINER, E.KEEP_ROW, E.SETTLE_ROW),
    ),
    "recreate_back": Scenario(
        move_to_a_missing_image,
        (E.TAKE_LEASE, E.REMOVE_CONTAINER, E.REMOVE_CONTAINER, E.CREATE_CONTAINER, E.SETTLE_ROW),
    ),
    "delete_container": Scenario(
        lambda p: p.boxes.delete(*WHERE, volumes=False),
        (E.TAKE_LEASE, E.REMOVE_CONTAINER, E.SETTLE_ROW),
    ),
    "delete": Scenario(
        lambda p: p.boxes.delete(*WHERE, volumes=True),
        (E.TAKE_LEASE, E.REMOVE_VOLUMES, E.DELETE_ROW),
        keeps=False,
    ),
    "delete_project": Scenario(
        lambda p: p.projects.delete(*WHERE),
        (E.TAKE_LEASE, E.REMOVE_VOLUMES, E.DELETE_ROW, E.DELETE_PROJECT),
        keeps=False,
    ),
    "heal": Scenario(heal, (E.TAKE_LEASE, E.CREATE_CONTAINER, E.SETTLE_ROW), begin="removed"),
    "restart": Scenario(restart, (E.TAKE_LEASE, E.STOP_CONTAINER, E.START_CONTAINER, E.SETTLE_ROW)),
    "secrets": Scenario(hide, (E.SET_SECRET, E.RESEAL_SECRET, E.DELETE_SECRET)),
    "follow": Scenario(follow, (E.TAKE_LEASE, E.SETTLE_ROW), begin="removed"),
    "renew": Scenario(
        renew, (E.TAKE_LEASE, E.RENEW_LEASE, E.STOP_CONTAINER, E.SETTLE_ROW), lease=3.0
    ),
    "break_off": Scenario(break_off, (E.TAKE_LEASE, E.EXPIRE_LEASE)),
    "warm_fill": Scenario(fill, (E.CREATE_CONTAINER, E.ADD_WARM), settings={"warm_pool": 1}),
    "warm_claim": Scenario(
        lambda p: p.boxes.ensure(*WHERE),
        (E.CLAIM_ROW, E.CLAIM_WARM, E.SETTLE_ROW),
        begin="warm",
        settings={"warm_pool": 1},
    ),
    "configure": Scenario(configure, (E.ADD_WORKSPACE, E.ADD_PROJECT, E.SAVE_PROJECT)),
}


async def prepare(plane: Plane, scenario: Scenario, archive: Path) -> None:
    """The world in which the scenario begins: the project, and a bystander that has a box too."""
    await plane.projects.ensure("acme", "bystander")
    client = await plane.boxes.agent("acme", "bystander")
    await client.fs_write("kept.txt", b"bystander")
    await plane.projects.ensure(*WHERE)
    if scenario.seed:
        await plane.projects.set_seed(*WHERE, Seed(archive=str(archive)))
    if scenario.begin == "warm":
        await plane.boxes.warm.refill()
    if scenario.begin in ("absent", "warm"):
        return
    await (await plane.boxes.agent(*WHERE)).fs_write("kept.txt", b"kept")
    if scenario.begin == "removed":
        row = (await plane.store.locate(*WHERE)).box
        await plane.runtime.remove(await plane.boxes.containers.ref(row))
    elif scenario.begin != "running":
        await plane.boxes.suspend(*WHERE, Tier(scenario.begin))


async def crowd(plane: Plane) -> str:
    """Fifty callers at once, when the file ``go`` is there: how many made a box, and which."""
    go = plane.boxes.containers.settings.state_dir / "go"
    async with asyncio.timeout(60):
        while not go.exists():
            await asyncio.sleep(0.001)
    results = await asyncio.gather(*[plane.boxes.ensure(*WHERE) for _ in range(50)])
    handles = {result.service_uuid for result in results}
    return f"{sum(result.created for result in results)} {' '.join(sorted(handles))}"


async def main(state_dir: Path, runtime: str, name: str) -> None:
    if name == "crowd":
        async with control_plane(state_dir, runtime) as plane:
            print(await crowd(plane))
        return
    scenario = SCENARIOS[name]
    changes = dict(scenario.settings or {})
    async with control_plane(state_dir, runtime, lease=scenario.lease, **changes) as plane:
        await scenario.act(plane)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
