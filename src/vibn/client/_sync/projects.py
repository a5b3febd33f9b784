# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/projects.py.
"""Projects of the token's workspace, and their variables and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from vibn.client._sync.link import Link
from vibn.client.decode import decode, items, member
from vibn.client.request import STARTING, Request, get, segment
from vibn.client.values import Limits, Project, Seed
from vibn.errors import AlreadyExists, ProjectNotFound


class Projects:
    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self) -> tuple[Project, ...]:
        """Those that the token reaches."""
        return items(Project, self._link.call(get("/projects")), "projects")

    def get(self, slug: str) -> Project:
        """Raises ProjectNotFound, also for a foreign one."""
        return decode(Project, self._link.call(get(f"/projects/{segment(slug)}")))

    def create(
        self,
        slug: str,
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        seed: Seed | None = None,
    ) -> Project:
        """Its box comes with the first call that needs one. Raises AlreadyExists, InvalidInput."""
        body: dict[str, object] = {"slug": slug, "name": name, "env": env and dict(env)}
        body |= {"limits": _given(limits), "seed": _given(seed)}
        return decode(Project, self._link.call(Request("POST", "/projects", body=_given(body))))

    def get_or_create(
        self,
        slug: str,
        *,
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        seed: Seed | None = None,
    ) -> Project:
        """The project as it is; one that is made gets what is given. Safe from many callers."""
        try:
            return self.get(slug)
        except ProjectNotFound:
            pass
        try:
            return self.create(slug, env=env, limits=limits, seed=seed)
        except AlreadyExists:
            return self.get(slug)

    def change(
        self,
        slug: str,
        *,
        env: Mapping[str, str | None] | None = None,
        limits: Limits | None = None,
        seed: Seed | None = None,
    ) -> Project:
        """What is left out stays. ``env`` sets variables, None removes one; ``limits`` count when
        the box is made the next time; ``seed`` is for a box that has no files yet."""
        body = _given({"env": env and dict(env), "limits": _given(limits), "seed": _given(seed)})
        request = Request("PATCH", f"/projects/{segment(slug)}", body=body, repeatable=True)
        return decode(Project, self._link.call(request))

    def delete(self, slug: str) -> None:
        """The project, its box and all its files, for good."""
        path = f"/projects/{segment(slug)}"
        self._link.call(Request("DELETE", path, repeatable=True, deadline=STARTING))

    def secrets(self, slug: str) -> tuple[str, ...]:
        """The names of the project's secrets; their values are never shown."""
        names = member(self._link.call(get(_secrets(slug))), "names")
        return tuple(str(name) for name in names) if isinstance(names, list) else ()

    def set_secret(self, slug: str, name: str, value: str) -> None:
        """A variable of every command from now on, masked in what comes back."""
        path = _secrets(slug, name)
        self._link.call(Request("PUT", path, body={"value": value}, repeatable=True))

    def delete_secret(self, slug: str, name: str) -> None:
        """One that is not there is no error."""
        self._link.call(Request("DELETE", _secrets(slug, name), repeatable=True))


def _secrets(slug: str, name: str = "") -> str:
    return f"/projects/{segment(slug)}/secrets" + (f"/{segment(name)}" if name else "")


def _given(value: Limits | Seed | Mapping[str, object] | None) -> dict[str, object] | None:
    """Without what was not given."""
    if value is None:
        return None
    fields = asdict(value) if isinstance(value, Limits | Seed) else value
    return {name: part for name, part in fields.items() if part not in (None, "")}
