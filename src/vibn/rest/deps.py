"""What the REST surface is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope

from vibn.authority import Switches
from vibn.models import Limits
from vibn.services.audit.report import Report
from vibn.services.calls import Calls
from vibn.services.killswitch import Drill
from vibn.services.projects import Projects
from vibn.services.tokens import Tokens
from vibn.store.base import Store
from vibn.tools.toolbox import Toolbox


class Audit(Protocol):
    async def flush(self) -> None: ...

    async def verify(self) -> Report: ...


class Switchboard(Protocol):
    @property
    def switches(self) -> Switches: ...

    async def disable(
        self, workspace: str, project: str, reason: str, author: str, kill: bool = False
    ) -> Switches: ...

    async def enable(self, workspace: str, project: str) -> Switches: ...

    async def drill(self, author: str) -> Drill: ...


@dataclass(frozen=True, slots=True)
class RestDeps:
    """``limits`` are the installation's own; ``request_id`` tells the id of a request, as its
    answer carries it in ``X-Request-Id``; ``body_limit`` is what a JSON body may have of bytes,
    uploads do not count."""

    calls: Calls
    toolbox: Toolbox
    store: Store
    projects: Projects
    tokens: Tokens
    switchboard: Switchboard
    audit: Audit
    limits: Limits
    request_id: Callable[[Scope], str]
    body_limit: int = 24 << 20
