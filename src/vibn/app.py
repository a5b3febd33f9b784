"""Builds all objects of one control plane and takes them down again. Only commands import it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex

from vibn import __version__
from vibn.channel import Pool
from vibn.channel.renewal import replace_older
from vibn.config import Settings
from vibn.runtimes import choice, zipapp
from vibn.runtimes.base import Runtime
from vibn.services.activity import Activity
from vibn.services.admin import AdminSecret
from vibn.services.audit import Audit, Entry
from vibn.services.calls import Calls, Counted
from vibn.services.clock import Clock, SystemClock
from vibn.services.disk import DiskGauge
from vibn.services.environment import Environment
from vibn.services.files import Files
from vibn.services.killswitch import KillSwitch
from vibn.services.life.boxes import Boxes
from vibn.services.life.faults import from_environment
from vibn.services.life.reconcile import Reconciler
from vibn.services.life.strays import Strays
from vibn.services.limits import CallLimits
from vibn.services.projects import Projects
from vibn.services.sealing import Keyring
from vibn.services.secrets import Secrets
from vibn.services.shell import Shell
from vibn.services.switchboard import Switchboard
from vibn.services.tokens import Tokens
from vibn.store.base import Store
from vibn.store.sql import open_store
from vibn.tools import STANDARD, AnyTool, Toolbox


@dataclass(frozen=True, slots=True)
class App:
    settings: Settings
    store: Store
    runtime: Runtime
    pool: Pool
    boxes: Boxes
    projects: Projects
    reconciler: Reconciler
    """Not running yet: its owner is who calls ``run``."""
    secrets: Secrets
    shell: Shell
    files: Files
    environment: Environment
    gauge: DiskGauge
    clock: Clock


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands between the outside and the services of an App: it admits calls, while it is
    open."""

    calls: Calls
    toolbox: Toolbox
    tokens: Tokens
    killswitch: KillSwitch
    switchboard: Switchboard
    audit: Audit


def new_id() -> str:
    """A random id: 16 hexadecimal digits, so 64 bits."""
    return token_hex(8)


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """A control plane for the block. Boxes outlive it.

    Raises Unsupported (no runtime), StoreUnavailable, RuntimeUnavailable.
    """
    async with AsyncExitStack() as stack:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        decided = await choice.choose(settings)
        store = open_store(settings)
        stack.push_async_callback(store.close)
        await store.open()
        runtime = choice.make(decided, settings, await store.installation(new_id()))
        stack.push_async_callback(runtime.close)
        agent = zipapp.build(settings.state_dir / "agent")
        pool = Pool(runtime.connect, renewal=replace_older(agent.read_bytes(), __version__))
        stack.push_async_callback(pool.close)
        clock, faults = SystemClock(), from_environment()
        activity = await stack.enter_async_context(Activity(store, clock))
        secrets = Secrets(store, Keyring(settings.state_dir / "secrets.keys"), faults)
        environment = Environment(secrets)
        boxes = Boxes(
            store,
            runtime,
            pool,
            clock,
            new_id,
            settings,
            environment,
            activity.note,
            faults=faults,
        )
        stack.push_async_callback(boxes.close)
        gauge = DiskGauge(runtime.capabilities.disk_limit, settings.limits)
        stack.push_async_callback(gauge.close)
        yield App(
            settings=settings,
            store=store,
            runtime=runtime,
            pool=pool,
            boxes=boxes,
            projects=Projects(store, boxes, clock, new_id, faults),
            reconciler=Reconciler(boxes, Strays(boxes.containers, pool, clock)),
            secrets=secrets,
            shell=Shell(boxes, pool, environment),
            files=Files(boxes, gauge),
            environment=environment,
            gauge=gauge,
            clock=clock,
        )


@asynccontextmanager
async def open_gate(
    app: App,
    admin: AdminSecret,
    counted: Callable[[Entry], None],
    tools: Sequence[AnyTool] = STANDARD,
) -> AsyncIterator[Gate]:
    """Admit calls to ``app`` for the block; at its end those under way get a moment, then are
    ended. ``counted`` hears of each call when it is over.

    Raises StoreUnavailable, Denied or InvalidInput (the audit trail's key).
    """
    settings, store = app.settings, app.store
    tokens = Tokens(store, app.clock, new_id)
    async with Audit(store.trail, settings.state_dir, app.clock) as audit:
        calls = Calls(
            tokens,
            admin,
            CallLimits(settings.rate_limit, settings.rate_burst, settings.call_limit),
            Counted(audit, counted),
            app.boxes,
            app.pool,
            app.environment,
            app.gauge,
            app.clock,
            app.projects,
            app.secrets,
        )
        killswitch = KillSwitch(store.switches, app.clock, new_id(), calls.kill)
        calls.guarded_by(killswitch)
        await killswitch.open()
        try:
            yield Gate(
                calls=calls,
                toolbox=Toolbox(calls, tools),
                tokens=tokens,
                killswitch=killswitch,
                switchboard=Switchboard(killswitch, store, app.pool, app.clock),
                audit=audit,
            )
        finally:
            await calls.close(grace=0)
            await killswitch.close()
