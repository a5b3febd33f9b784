# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/killswitch.py.
"""The kill switch: while one is on, dev containers in its scope answer no call."""

from __future__ import annotations

from vibn.client._sync.link import Link
from vibn.client.decode import decode, items
from vibn.client.request import Request, get
from vibn.client.values import Drill, Switch, Switches

OPERATORS = "/api/admin/path-b/"


class KillSwitch:
    """Throwing it needs the admin secret."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def flags(self) -> tuple[Switch, ...]:
        """Those that are on over what the token reaches; the admin secret sees all."""
        return items(Switch, self._link.call(get("/flags", admin=True)), "switches")

    def on(
        self,
        reason: str,
        author: str,
        *,
        workspace: str | None = None,
        project: str | None = None,
        kill: bool = False,
    ) -> Switches:
        """For all, for a workspace, or for one project of it. ``kill`` also ends what runs."""
        body = _scope(workspace, project) | {"reason": reason, "author": author, "kill": kill}
        return self._throw("disable", body)

    def off(self, *, workspace: str | None = None, project: str | None = None) -> Switches:
        return self._throw("enable", _scope(workspace, project))

    def drill(self) -> Drill:
        """Throw a switch that nobody is under, and measure until every replica refused by it."""
        return decode(Drill, self._link.call(_request("drill", {})))

    def _throw(self, which: str, body: dict[str, object]) -> Switches:
        return decode(Switches, self._link.call(_request(which, body)))


def _request(which: str, body: dict[str, object]) -> Request:
    return Request("POST", which, body=body, repeatable=True, admin=True, prefix=OPERATORS)


def _scope(workspace: str | None, project: str | None) -> dict[str, object]:
    if workspace is None:
        return {"scope": "global"}
    if project is None:
        return {"scope": "workspace", "workspace": workspace}
    return {"scope": "project", "workspace": workspace, "project": project}
