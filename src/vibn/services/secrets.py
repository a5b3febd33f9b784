"""A project's secrets: environment variables that are sealed at rest and masked in outputs."""

from __future__ import annotations

from collections.abc import Mapping

from vibn.errors import Conflict, InvalidInput, TooLarge
from vibn.services import environment
from vibn.services.life.faults import Effect, Faults, from_environment
from vibn.services.sealing import Keyring
from vibn.store.base import Store


class Secrets:
    def __init__(self, store: Store, keys: Keyring, faults: Faults | None = None) -> None:
        self._store = store
        self._keys = keys
        self._faults = faults or from_environment()

    async def set(self, project_id: str, name: str, value: str) -> None:
        """Set or replace. Raises ProjectNotFound, InvalidInput, TooLarge; no message holds the
        value."""
        sealed = self._keys.seal(_checked(name, value), (project_id, name))
        others = await self._store.secrets(project_id)
        size = environment.encoded({name: value})
        size += sum(self._size(project_id, n, s) for n, s in others.items() if n != name)
        if size > environment.TOTAL_LIMIT:
            raise TooLarge(
                f"The project's secrets are above {environment.TOTAL_LIMIT} bytes together,"
                " as JSON.",
                hint="Delete some, or keep large values in a file in /workspace.",
            )
        with self._faults.around(Effect.SET_SECRET):
            await self._store.set_secret(project_id, name, sealed)

    def _size(self, project_id: str, name: str, sealed: bytes) -> int:
        """In a request. One that cannot be opened, which reaches no request, counts as it is."""
        try:
            return environment.encoded({name: self._open(project_id, name, sealed)})
        except Conflict:
            return len(name) + len(sealed)

    async def values(self, project_id: str) -> dict[str, str]:
        """All in plain text, for a command's environment. Raises Conflict when one cannot be
        opened, and names it."""
        return self.opened(project_id, await self._store.secrets(project_id))

    def opened(self, project_id: str, sealed: Mapping[str, bytes]) -> dict[str, str]:
        """The same, from sealed values that were read already."""
        return {name: self._open(project_id, name, sealed[name]) for name in sorted(sealed)}

    async def names(self, project_id: str) -> list[str]:
        return sorted(await self._store.secrets(project_id))

    async def delete(self, project_id: str, name: str) -> None:
        """Idempotent."""
        with self._faults.around(Effect.DELETE_SECRET):
            await self._store.delete_secret(project_id, name)

    async def rotate(self) -> int:
        """Make a new key and seal everything with it. Returns how many values were sealed anew;
        those that are set meanwhile are sealed with the new key by themselves."""
        self._keys.rotate()
        count = 0
        for workspace in await self._store.workspaces():
            for project in await self._store.projects(workspace.slug):
                count += await self._reseal(project.id)
        return count

    async def _reseal(self, project_id: str) -> int:
        count = 0
        for name, old in (await self._store.secrets(project_id)).items():
            if self._keys.newest(old):
                continue
            plain = self._open(project_id, name, old)
            new = self._keys.seal(plain.encode(), (project_id, name))
            with self._faults.around(Effect.RESEAL_SECRET):
                count += await self._store.reseal_secret(project_id, name, old, new)
        return count

    def _open(self, project_id: str, name: str, sealed: bytes) -> str:
        try:
            return self._keys.open(sealed, (project_id, name)).decode()
        except Conflict as error:
            raise Conflict(f"{name}: {error.message}", hint=error.hint) from error


def _checked(name: str, value: str) -> bytes:
    try:
        plain = value.encode()
    except UnicodeEncodeError:
        # Not chained: the error holds the value.
        raise InvalidInput(f"The value of {name} is not valid Unicode.") from None
    environment.check({name: value})
    return plain
