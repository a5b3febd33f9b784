"""One project's dev container, for programs that work in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from vibn.client._async.box import AsyncBox
from vibn.client._async.commands import AsyncCommands
from vibn.client._async.files import AsyncFiles
from vibn.client._async.jobs import AsyncJobs
from vibn.client._async.link import AsyncLink
from vibn.client._async.projects import AsyncProjects
from vibn.client._async.pty import AsyncPty
from vibn.client.endpoint import endpoint
from vibn.client.values import Limits, Project, Seed


class AsyncSandbox:
    """Commands, files, jobs and terminals of one project.

    async with await AsyncSandbox.get_or_create("shop") as box:
        await box.files.write("hello.py", "print('hello')")
        print((await box.commands.run("python3 hello.py")).stdout)

    The box itself is made or woken by the first call that needs it, and is still there after the
    block: ``box.suspend`` or ``delete`` end it. All of it waits for the server by deadlines and
    raises the errors of ``vibn.errors``.
    """

    def __init__(self, project: str, link: AsyncLink, *, owned: bool = False) -> None:
        """By ``get_or_create``, or by a client's ``sandbox``. ``owned``: closing it closes the
        connections, too."""
        self.project = project
        self._link = link
        self._owned = owned
        self.commands = AsyncCommands(link, project)
        self.files = AsyncFiles(link, project)
        self.jobs = AsyncJobs(link, project)
        self.pty = AsyncPty(link, project)
        self.box = AsyncBox(link, project)

    @classmethod
    async def get_or_create(
        cls,
        project: str,
        *,
        url: str = "",
        token: str = "",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        seed: Seed | None = None,
    ) -> Self:
        """The project's dev container; ``env``, ``limits`` and ``seed`` are for a project that is
        made by this call. Where ``url`` and ``token`` are not given, see AsyncClient."""
        link = AsyncLink(endpoint(url, token))
        try:
            projects = AsyncProjects(link)
            await projects.get_or_create(project, env=env, limits=limits, seed=seed)
        except BaseException:
            await link.aclose()
            raise
        return cls(project, link, owned=True)

    async def info(self) -> Project:
        """The project as it is now. Raises ProjectNotFound."""
        return await AsyncProjects(self._link).get(self.project)

    async def delete(self) -> None:
        """The project, its box and all its files, for good."""
        await AsyncProjects(self._link).delete(self.project)

    async def aclose(self) -> None:
        """The connections of this object; the box goes on."""
        if self._owned:
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
