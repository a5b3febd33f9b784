# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/box.py.
"""Life of the dev container."""

from __future__ import annotations

from typing import Literal

from vibn.client._sync.link import Link
from vibn.client.decode import decode
from vibn.client.request import STARTING, Request, segment
from vibn.client.values import BoxInfo, BoxStatus, Ensured


class Box:
    def __init__(self, link: Link, project: str) -> None:
        self._link = link
        self._path = f"/projects/{segment(project)}/box"

    def status(self, *, live: bool = False) -> BoxStatus:
        """``live`` asks the runtime, too."""
        request = Request("GET", self._path, {"live": live or None}, repeatable=True)
        return decode(BoxStatus, self._link.call(request))

    def info(self) -> BoxInfo:
        """A look from inside, which wakes the box."""
        return decode(BoxInfo, self._link.call(self._request("GET", "/info")))

    def ensure(self, *, start: bool = True) -> Ensured:
        """The box, made if there is none, and running if ``start``. Safe on every turn."""
        request = self._request("POST", "/ensure", {"start": start})
        return decode(Ensured, self._link.call(request))

    def suspend(self, tier: Literal["stopped", "frozen"] | None = None) -> BoxStatus:
        """``frozen`` keeps its memory, ``stopped`` only its files; the next call wakes it."""
        request = self._request("POST", "/suspend", {"tier": tier} if tier else {})
        return decode(BoxStatus, self._link.call(request))

    def resume(self) -> BoxStatus:
        """Raises BoxAbsent when there is none."""
        return decode(BoxStatus, self._link.call(self._request("POST", "/resume", {})))

    def recreate(self) -> BoxStatus:
        """A new container with the same files: new limits, and the installation's image if it is
        a newer one, come into effect so."""
        return decode(BoxStatus, self._link.call(self._request("POST", "/recreate", {})))

    def delete(self) -> None:
        """The container. Its files are kept, and are there in the next one."""
        self._link.call(self._request("DELETE", ""))

    def _request(self, method: str, action: str, body: object = None) -> Request:
        """Each of these done twice is as done once."""
        return Request(method, self._path + action, body=body, repeatable=True, deadline=STARTING)
