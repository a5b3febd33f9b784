"""The fake server: what it holds, who may ask, and which address does what."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from vibn.client._async.client import AsyncClient
from vibn.client._sync.client import Client
from vibn.client._sync.sandbox import Sandbox
from vibn.client.testing import inside
from vibn.client.testing.answer import Asked, Told, wrong
from vibn.client.testing.process import FakeProcess, Script, saying, unknown
from vibn.client.testing.registry import register
from vibn.client.testing.routes import ROUTES
from vibn.client.testing.state import FakeProject, FakeToken, new_token, now
from vibn.client.testing.wires import AsyncMemory, Memory
from vibn.errors import (
    AdminRequired,
    AlreadyExists,
    InvalidInput,
    MethodNotAllowed,
    ProjectNotFound,
    ReadOnlyToken,
    RouteNotFound,
    SwitchedOff,
    TokenExpired,
    TokenRevoked,
    Unauthenticated,
    VibnError,
    WorkspaceNotFound,
)


class FakeServer:
    """``url`` and ``token`` are how it is found; ``commands`` are those that were run."""

    def __init__(self) -> None:
        self.url = f"memory://{uuid.uuid4().hex}"
        self.admin_secret = "admin-secret"
        self.commands: list[str] = []
        self.workspaces: dict[str, dict[str, Any]] = {}
        self.projects: dict[tuple[str, str], FakeProject] = {}
        self.tokens: dict[str, FakeToken] = {}
        self.switches: list[dict[str, Any]] = []
        self.revision = 0
        self.rows: list[dict[str, Any]] = []
        self._scripts: list[tuple[re.Pattern[str], Script]] = []
        self._failures: list[VibnError] = []
        self.add_workspace("main", "")
        self.token = self.issue(new_token("main", "first")).text
        register(self.url, self)

    # for tests

    def on(
        self,
        command: str | re.Pattern[str],
        script: Script | None = None,
        *,
        stdout: str = "",
        stderr: str = "",
        exit: int = 0,
    ) -> None:
        """What ``command``, exactly or by a pattern that matches all of it, does from now on:
        write and end, or what ``script`` does, which may read, wait and work on files. A shell
        without a command is ``""``. The last that fits counts."""
        pattern = re.compile(re.escape(command)) if isinstance(command, str) else command
        self._scripts.append((pattern, script or saying(stdout, stderr, exit)))

    def fail(self, error: VibnError, times: int = 1) -> None:
        """Answer the next calls with ``error``."""
        self._failures += [error] * times

    def client(self) -> Client:
        return Client(self.url, self.token, self.admin_secret)

    def async_client(self) -> AsyncClient:
        return AsyncClient(self.url, self.token, self.admin_secret)

    def sandbox(self, project: str) -> Sandbox:
        return Sandbox.get_or_create(project, url=self.url, token=self.token)

    # for the wires

    def wire(self) -> Memory:
        return Memory(self)

    def async_wire(self) -> AsyncMemory:
        return AsyncMemory(self)

    def handle(self, asked: Asked) -> Told:
        """Never raises; errors are answers."""
        try:
            if self._failures:
                raise self._failures.pop(0)
            return self._routed(asked)
        except VibnError as error:
            return wrong(error)

    def opened(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> FakeProcess:
        """The command that a socket at ``path`` begins. Raises VibnError."""
        found = re.fullmatch(r"/api/v1/projects/([^/]+)/terminal", path)
        if found is None:
            raise RouteNotFound(f"No socket at {path}.")
        project = self.reach(Asked("POST", path, {}, headers, b"", ()), unquote(found[1]))
        process = inside.process_of(project, body)
        if size := body.get("terminal"):
            process.rows, process.cols = size["rows"], size["cols"]
        timeout = body.get("timeout_ms")
        process.start(self.script(process), None if timeout is None else timeout / 1000)
        return process

    def script(self, process: FakeProcess) -> Script:
        self.commands.append(process.command)
        for pattern, script in reversed(self._scripts):
            if pattern.fullmatch(process.command):
                return script
        return unknown

    # who may ask

    def caller(self, asked: Asked) -> FakeToken:
        """Raises Unauthenticated."""
        text = asked.headers.get("authorization", "").removeprefix("Bearer ")
        token = self.tokens.get(text)
        if token is None:
            raise Unauthenticated("The token is not one that was issued here.")
        if token.revoked_at is not None:
            raise TokenRevoked("The token was revoked.")
        if token.expired:
            raise TokenExpired("The token has expired.")
        return token

    def is_admin(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {self.admin_secret}"

    def require_admin(self, asked: Asked) -> None:
        if not self.is_admin(asked):
            self.caller(asked)
            raise AdminRequired("This is for operators.")

    def project(self, asked: Asked, slug: str) -> FakeProject:
        """Raises ProjectNotFound, also for a foreign one; ReadOnlyToken."""
        token = self.caller(asked)
        found = self.projects.get((token.workspace, slug))
        if found is None or token.project not in (None, slug):
            raise ProjectNotFound(f"There is no project {slug[:60]!r}.")
        looks = asked.method in ("GET", "HEAD") or asked.path.endswith(("fs_glob", "fs_grep"))
        if token.access == "read" and not looks:
            raise ReadOnlyToken("The token may only read.")
        return found

    def reach(self, asked: Asked, slug: str) -> FakeProject:
        """As ``project``, with its box running. Raises SwitchedOff."""
        found = self.project(asked, slug)
        for switch in self.switches:
            whom = (switch["workspace"] or found.workspace, switch["project"] or slug)
            if whom == (found.workspace, slug):
                reason, scope = switch["reason"], switch["scope"]
                raise SwitchedOff(
                    f"Dev containers are switched off: {reason}",
                    detail={"reason": reason, "scope": scope},
                )
        found.wake()
        return found

    # what it holds

    def add_workspace(self, slug: str, name: str) -> dict[str, Any]:
        if slug in self.workspaces:
            raise AlreadyExists(f"There is a workspace {slug} already.")
        self.workspaces[slug] = {"slug": slug, "name": name or slug, "created_at": now()}
        return self.workspaces[slug]

    def issue(self, token: FakeToken) -> FakeToken:
        self.tokens[token.text] = token
        return token

    def workspace(self, slug: str) -> dict[str, Any]:
        if slug not in self.workspaces:
            raise WorkspaceNotFound(f"There is no workspace {slug[:60]!r}.")
        return self.workspaces[slug]

    def add_project(self, workspace: str, body: dict[str, Any]) -> FakeProject:
        slug = str(body.get("slug", ""))
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", slug):
            raise InvalidInput(f"Not a slug: {slug!r}.")
        if (workspace, slug) in self.projects:
            raise AlreadyExists(f"There is a project {slug} already.")
        name, env = body.get("name") or slug, dict(body.get("env") or {})
        made = FakeProject(slug, name, workspace, env, body.get("limits"), body.get("seed"))
        self.projects[workspace, slug] = made
        return made

    def _routed(self, asked: Asked) -> Told:
        known = False
        for methods, pattern, handler in ROUTES:
            if found := pattern.fullmatch(asked.path):
                known = True
                if asked.method in methods.split():
                    parts = tuple(unquote(part) for part in found.groups())
                    answer = handler(self, replace(asked, parts=parts))
                    self._note(asked, parts)
                    return answer
        raise (MethodNotAllowed if known else RouteNotFound)(f"{asked.method} {asked.path}")

    def _note(self, asked: Asked, parts: tuple[str, ...]) -> None:
        token = self.tokens.get(asked.headers.get("authorization", "").removeprefix("Bearer "))
        inner = asked.path.startswith("/api/v1/projects/")
        self.rows.append(
            {
                "chain": "fake",
                "seq": len(self.rows) + 1,
                "at": now(),
                "request": "fake",
                "surface": "rest",
                "token": token.id if token else "admin",
                "workspace": token.workspace if token else "",
                "project": parts[0] if inner and parts else "",
                "tool": f"{asked.method} {asked.path.removeprefix('/api/v1')}",
                "arguments": "",
                "paths": [],
                "outcome": "ok",
                "ms": 1.0,
                "received": len(asked.body),
                "sent": 0,
                "mac": "",
            }
        )
