# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/sandbox.py.
"""One project's dev container, for programs that work in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from vibn.client._sync.box import Box
from vibn.client._sync.commands import Commands
from vibn.client._sync.files import Files
from vibn.client._sync.jobs import Jobs
from vibn.client._sync.link import Link
from vibn.client._sync.projects import Projects
from vibn.client._sync.pty import Pty
from vibn.client.endpoint import endpoint
from vibn.client.values import Limits, Project, Seed


class Sandbox:
    """Commands, files, jobs and terminals of one project.

    with Sandbox.get_or_create("shop") as box:
        box.files.write("hello.py", "print('hello')")
        print((box.commands.run("python3 hello.py")).stdout)

    The box itself is made or woken by the first call that needs it, and is still there after the
    block: ``box.suspend`` or ``delete`` end it. All of it waits for the server by deadlines and
    raises the errors of ``vibn.errors``.
    """

    def __init__(self, project: str, link: Link, *, owned: bool = False) -> None:
        """By ``get_or_create``, or by a client's ``sandbox``. ``owned``: closing it closes the
        connections, too."""
        self.project = project
        self._link = link
        self._owned = owned
        self.commands = Commands(link, project)
        self.files = Files(link, project)
        self.jobs = Jobs(link, project)
        self.pty = Pty(link, project)
        self.box = Box(link, project)

    @classmethod
    def get_or_create(
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
        made by this call. Where ``url`` and ``token`` are not given, see Client."""
        link = Link(endpoint(url, token))
        try:
            projects = Projects(link)
            projects.get_or_create(project, env=env, limits=limits, seed=seed)
        except BaseException:
            link.close()
            raise
        return cls(project, link, owned=True)

    def info(self) -> Project:
        """The project as it is now. Raises ProjectNotFound."""
        return Projects(self._link).get(self.project)

    def delete(self) -> None:
        """The project, its box and all its files, for good."""
        Projects(self._link).delete(self.project)

    def close(self) -> None:
        """The connections of this object; the box goes on."""
        if self._owned:
            self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
