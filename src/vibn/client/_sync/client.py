# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/client.py.
"""The client of one server: who is asked, and all that does not lie within one project."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from vibn.client._sync.audit import Audit
from vibn.client._sync.killswitch import KillSwitch
from vibn.client._sync.link import Link
from vibn.client._sync.projects import Projects
from vibn.client._sync.sandbox import Sandbox
from vibn.client._sync.tokens import Tokens
from vibn.client._sync.tools import Tools
from vibn.client._sync.workspaces import Workspaces
from vibn.client.decode import decode
from vibn.client.endpoint import endpoint
from vibn.client.request import get
from vibn.client.values import Me


class Client:
    """``url``, ``token`` and ``admin_secret`` come from the environment (``VIBN_URL``,
    ``VIBN_TOKEN``, ``VIBN_ADMIN_SECRET``) or the profile where they are not given.

    with Client() as client:
        for project in client.projects.list():
            print(project.slug, project.box.state)
    """

    def __init__(self, url: str = "", token: str = "", admin_secret: str = "") -> None:
        """Raises InvalidInput for an address that is none, or a profile others may read."""
        self._link = Link(endpoint(url, token, admin_secret))
        self.projects = Projects(self._link)
        self.tokens = Tokens(self._link)
        self.workspaces = Workspaces(self._link)
        self.audit = Audit(self._link)
        self.killswitch = KillSwitch(self._link)
        self.tools = Tools(self._link)

    @property
    def url(self) -> str:
        return self._link.endpoint.url

    def me(self) -> Me:
        """Whom the server takes the token for."""
        return decode(Me, self._link.call(get("/me")))

    def sandbox(self, project: str) -> Sandbox:
        """The project's dev container, without asking whether there is such a project."""
        return Sandbox(project, self._link)

    def close(self) -> None:
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
