"""The client of one server: who is asked, and all that does not lie within one project."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from vibn.client._async.audit import AsyncAudit
from vibn.client._async.killswitch import AsyncKillSwitch
from vibn.client._async.link import AsyncLink
from vibn.client._async.projects import AsyncProjects
from vibn.client._async.sandbox import AsyncSandbox
from vibn.client._async.tokens import AsyncTokens
from vibn.client._async.tools import AsyncTools
from vibn.client._async.workspaces import AsyncWorkspaces
from vibn.client.decode import decode
from vibn.client.endpoint import endpoint
from vibn.client.request import get
from vibn.client.values import Me


class AsyncClient:
    """``url``, ``token`` and ``admin_secret`` come from the environment (``VIBN_URL``,
    ``VIBN_TOKEN``, ``VIBN_ADMIN_SECRET``) or the profile where they are not given.

    async with AsyncClient() as client:
        for project in await client.projects.list():
            print(project.slug, project.box.state)
    """

    def __init__(self, url: str = "", token: str = "", admin_secret: str = "") -> None:
        """Raises InvalidInput for an address that is none, or a profile others may read."""
        self._link = AsyncLink(endpoint(url, token, admin_secret))
        self.projects = AsyncProjects(self._link)
        self.tokens = AsyncTokens(self._link)
        self.workspaces = AsyncWorkspaces(self._link)
        self.audit = AsyncAudit(self._link)
        self.killswitch = AsyncKillSwitch(self._link)
        self.tools = AsyncTools(self._link)

    @property
    def url(self) -> str:
        return self._link.endpoint.url

    async def me(self) -> Me:
        """Whom the server takes the token for."""
        return decode(Me, await self._link.call(get("/me")))

    def sandbox(self, project: str) -> AsyncSandbox:
        """The project's dev container, without asking whether there is such a project."""
        return AsyncSandbox(project, self._link)

    async def aclose(self) -> None:
        await self._link.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
