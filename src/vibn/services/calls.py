"""Every call from outside: who it is, what they may, how it ended.

    limits -> one SELECT (token, project, box) -> access -> kill switch -> the work -> audit row

Surfaces and tools open a call and work with what it gives them; there is no other way to a box.
Whatever comes of it, one audit row tells.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from vibn.authority import Access, Switch, Token
from vibn.channel import Pool
from vibn.errors import (
    Forbidden,
    InvalidInput,
    ReadOnlyToken,
    ShuttingDown,
    SwitchedOff,
    VibnError,
)
from vibn.services.admin import AdminSecret
from vibn.services.audit.entry import Entry
from vibn.services.clock import Clock
from vibn.services.disk import DiskGauge
from vibn.services.environment import Environment
from vibn.services.files import Files
from vibn.services.killswitch import KillSwitch, refusal
from vibn.services.life.boxes import Boxes
from vibn.services.life.way import Known
from vibn.services.limits import CallLimits
from vibn.services.projects import Projects
from vibn.services.running import Progress
from vibn.services.secrets import Secrets
from vibn.services.shell import Shell
from vibn.services.tokens import Tokens
from vibn.store.authority import Admitted
from vibn.store.located import Located
from vibn.store.refusals import no_project

MOMENT = 0.25
"""Seconds for which a request's own look at its token is good."""
ADMIN = "admin"
"""Stands for the admin secret where an audit row names a token."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What a surface knows of who calls. ``credential`` is the bearer token's text, empty for
    none; ``request`` the request's id; ``received`` the bytes of its body."""

    credential: str = field(repr=False)
    surface: str
    request: str
    received: int = 0
    seen: dict[str | None, _Seen] = field(
        default_factory=dict["str | None", "_Seen"], repr=False, compare=False
    )
    """What ``identify`` read a moment ago, for the call of the very same request."""


@dataclass(frozen=True, slots=True)
class _Seen:
    admitted: Admitted
    at: float


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a call is for. ``name`` stands in its audit row. A call that ``writes`` is refused to
    read-only tokens, one that needs a ``box`` by the kill switch, and a ``workspace_wide`` one
    to tokens that are held to one project."""

    name: str
    writes: bool = False
    box: bool = True
    workspace_wide: bool = False


class Call:
    """An admitted call. ``shell`` and ``files`` lead into its project and to no other."""

    def __init__(
        self,
        caller: Caller,
        token: Token,
        located: Located | None,
        shell: Shell,
        files: Files,
        boxes: Boxes,
        projects: Projects,
        secrets: Secrets,
        progress: Progress | None,
    ) -> None:
        self.caller = caller
        self.token = token
        self.located = located
        self.shell = shell
        self.files = files
        self.boxes = boxes
        self.projects = projects
        self.secrets = secrets
        self.progress = progress
        self.bytes_sent = 0
        self.bytes_taken = 0

    @property
    def workspace(self) -> str:
        return self.token.workspace

    @property
    def project(self) -> str:
        """Its slug. Raises InvalidInput when the call named none."""
        if self.located is None:
            raise InvalidInput(
                "This call names no project.",
                hint="Pass `project`; projects_list tells which exist, projects_create makes one.",
            )
        return self.located.project.slug

    def took(self, size: int) -> None:
        """Add to the bytes of a body that comes as a stream, whatever its request announced."""
        self.bytes_taken += size

    def sent(self, size: int) -> None:
        """Add to the bytes of the answer, for the audit row."""
        self.bytes_sent += size


class Notebook(Protocol):
    """Where audit rows go: behind the call, and lost by nothing."""

    def admit(self) -> None:
        """Raises Unavailable when a call that begins now could not be noted."""
        ...

    def fingerprint(self, arguments: Mapping[str, object]) -> str: ...

    def note(self, entry: Entry) -> None: ...


class Counted:
    """A notebook whose entries are told to somebody else too."""

    def __init__(self, notebook: Notebook, tell: Callable[[Entry], None]) -> None:
        self._notebook = notebook
        self._tell = tell

    def admit(self) -> None:
        self._notebook.admit()

    def fingerprint(self, arguments: Mapping[str, object]) -> str:
        return self._notebook.fingerprint(arguments)

    def note(self, entry: Entry) -> None:
        self._notebook.note(entry)
        self._tell(entry)


@dataclass(slots=True, eq=False)
class _Open:
    """A call that is under way: where, by which task, and why it was ended, if it was."""

    workspace: str
    project: str
    box: bool
    task: asyncio.Task[object]
    ended: VibnError | None = None

    def end(self, why: VibnError) -> None:
        if self.ended is None:
            self.ended = why
            self.task.cancel()


class Calls:
    def __init__(
        self,
        tokens: Tokens,
        admin: AdminSecret,
        limits: CallLimits,
        notebook: Notebook,
        boxes: Boxes,
        pool: Pool,
        environment: Environment,
        gauge: DiskGauge,
        clock: Clock,
        projects: Projects,
        secrets: Secrets,
    ) -> None:
        self._tokens = tokens
        self._admin = admin
        self._limits = limits
        self._notebook = notebook
        self._boxes = boxes
        self._pool = pool
        self._environment = environment
        self._gauge = gauge
        self._clock = clock
        self._projects = projects
        self._secrets = secrets
        self._killswitch: KillSwitch | None = None
        self._open: set[_Open] = set()
        self._closing: VibnError | None = None

    def guarded_by(self, killswitch: KillSwitch) -> None:
        """Until then every call that needs a box is refused."""
        self._killswitch = killswitch

    # calls of token holders

    async def identify(
        self, caller: Caller, project: str | None = None, *, must: bool = True
    ) -> Token:
        """Who this is, and that the project is within reach, where one is named; unless ``must``
        it is only likely to be asked for. A call that the same request opens at once for this
        project costs no further SELECT. Raises Unauthenticated, TokenExpired, TokenRevoked,
        ProjectNotFound."""
        admitted = await self._tokens.admit(caller.credential, project)
        if must and project is not None and admitted.located is None:
            raise no_project(admitted.token.workspace, project)
        caller.seen[project] = _Seen(admitted, time.monotonic())
        return admitted.token

    async def _admit(self, caller: Caller, project: str | None) -> Admitted:
        """What was read for this request counts once, and for a moment only: a body may be long
        in coming."""
        seen = caller.seen.pop(project, None)
        if seen is not None and time.monotonic() - seen.at < MOMENT:
            return seen.admitted
        return await self._tokens.admit(caller.credential, project)

    @asynccontextmanager
    async def open(
        self,
        caller: Caller,
        purpose: Purpose,
        project: str | None = None,
        *,
        arguments: Mapping[str, object] | None = None,
        paths: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> AsyncIterator[Call]:
        """Admit a call for the length of the block. ``project`` None: the one that the token is
        held to, if it is. ``arguments`` are told in the audit row as a keyed hash, ``paths`` as
        they are.

        Raises Unauthenticated, TokenExpired, TokenRevoked, RateLimited, TooManyCalls,
        ProjectNotFound (a foreign project is as one that is not there), Forbidden,
        ReadOnlyToken, SwitchedOff, ShuttingDown; and whatever the block raises.
        """
        record = _Record(caller, purpose.name, arguments or {}, paths)
        with self._recorded(record):
            admitted = await self._admit(caller, project)
            token, located = admitted.token, admitted.located
            record.token, record.workspace = token.id, token.workspace
            with self._limits.entered(token.id):
                if located is not None:
                    record.project = located.project.slug
                elif project is not None:
                    raise no_project(token.workspace, project)
                self._allow(token, purpose, record)
                call = self._call(caller, token, located, progress)
                with self._running(record, purpose.box):
                    try:
                        yield call
                    finally:
                        record.sent = call.bytes_sent
                        record.taken = call.bytes_taken

    # calls of operators

    def require_admin(self, caller: Caller) -> None:
        """Raises Unauthenticated, AdminRequired."""
        self._admin.require(caller.credential)

    def is_admin(self, caller: Caller) -> bool:
        return self._admin.held_by(caller.credential)

    @asynccontextmanager
    async def administer(
        self,
        caller: Caller,
        name: str,
        *,
        arguments: Mapping[str, object] | None = None,
        workspace: str = "",
        project: str = "",
    ) -> AsyncIterator[None]:
        """A call with the admin secret, which the kill switch does not refuse."""
        record = _Record(caller, name, arguments or {}, (), workspace=workspace, project=project)
        with self._recorded(record):
            self._admin.require(caller.credential)
            record.token = ADMIN
            with self._running(record, box=False):
                yield

    # ending them

    @property
    def under_way(self) -> int:
        return len(self._open)

    def kill(self, switch: Switch) -> None:
        """End the calls in boxes that the switch covers; their commands are killed."""
        for call in list(self._open):
            if call.box and switch.covers(call.workspace, call.project):
                call.end(refusal(switch))

    async def close(self, grace: float) -> None:
        """Admit no more calls; those under way get ``grace`` seconds to end, then are ended."""
        self._closing = ShuttingDown("This server is shutting down.")
        tasks = [call.task for call in self._open]
        if tasks and grace > 0:
            await asyncio.wait(tasks, timeout=grace)
        for call in list(self._open):
            call.end(ShuttingDown("This server is shutting down; the command was ended."))
        left = [call.task for call in self._open]
        if left:
            await asyncio.wait(left, timeout=10)

    # steps

    def _allow(self, token: Token, purpose: Purpose, record: _Record) -> None:
        if purpose.writes and token.access is Access.READ:
            raise ReadOnlyToken(f"The token {token.name!r} may only read.")
        if purpose.workspace_wide and token.project_id is not None:
            raise Forbidden(
                f"The token {token.name!r} is held to the project {token.project!r}.",
                hint="Use a token of the whole workspace.",
            )
        if purpose.box:
            if self._killswitch is None:
                raise SwitchedOff("This server does not know yet whether boxes may be used.")
            self._killswitch.check(token.workspace, record.project)

    def _call(
        self, caller: Caller, token: Token, located: Located | None, progress: Progress | None
    ) -> Call:
        way = self._boxes if located is None else Known(self._boxes, located)
        shell = Shell(way, self._pool, self._environment)
        files = Files(way, self._gauge)
        return Call(
            caller,
            token,
            located,
            shell,
            files,
            self._boxes,
            self._projects,
            self._secrets,
            progress,
        )

    @contextmanager
    def _running(self, record: _Record, box: bool) -> Iterator[None]:
        if self._closing is not None:
            raise self._closing
        task = asyncio.current_task()
        assert task is not None
        mine = _Open(record.workspace, record.project, box, task)
        self._open.add(mine)
        try:
            yield
        except asyncio.CancelledError:
            # Cancelled by us alone, it is no cancellation to those above.
            if mine.ended is None or task.uncancel() > 0:
                raise
            raise mine.ended from None
        finally:
            self._open.discard(mine)

    @contextmanager
    def _recorded(self, record: _Record) -> Iterator[None]:
        self._notebook.admit()
        at, begun = self._clock.now(), time.perf_counter()
        outcome = "ok"
        try:
            yield
        except VibnError as error:
            outcome = error.code
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        except BaseException:
            outcome = "internal"
            raise
        finally:
            self._notebook.note(
                Entry(
                    at=at,
                    request=record.caller.request,
                    surface=record.caller.surface,
                    token=record.token,
                    workspace=record.workspace,
                    project=record.project,
                    tool=record.name,
                    arguments=self._notebook.fingerprint(record.arguments),
                    paths=tuple(record.paths),
                    outcome=outcome,
                    ms=(time.perf_counter() - begun) * 1000,
                    received=record.taken or record.caller.received,
                    sent=record.sent,
                )
            )


@dataclass(slots=True)
class _Record:
    """What becomes of an audit row while its call goes on."""

    caller: Caller
    name: str
    arguments: Mapping[str, object]
    paths: Sequence[str]
    token: str = ""
    workspace: str = ""
    project: str = ""
    sent: int = 0
    taken: int = 0
