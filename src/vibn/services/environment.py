"""The variables of every command in a box: the project's own, its secrets, and ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from vibn.errors import InvalidInput, TooLarge
from vibn.models import Project
from vibn.services.masking import mask_bytes

VALUE_LIMIT = 32 * 1024
"""Bytes of one value."""
TOTAL_LIMIT = 96 * 1024
"""Bytes of all names and values of a project as JSON, of its variables and of its secrets each:
an exec's request has to hold both, and its command, in one frame's header of 256 KiB."""


class Secrets(Protocol):
    async def values(self, project_id: str) -> Mapping[str, str]:
        """A project's secrets in plain text."""
        ...

    def opened(self, project_id: str, sealed: Mapping[str, bytes]) -> Mapping[str, str]:
        """The same, from sealed values that were read already."""
        ...


@dataclass(frozen=True, slots=True)
class Variables:
    """``all`` goes to the command; values of ``secret`` names never come back in its output."""

    all: Mapping[str, str]
    secret: frozenset[str] = frozenset()

    def masked(self, data: bytes) -> bytes:
        """``data`` with the secret values covered; see ``masking.py`` for how short ones fare."""
        return mask_bytes(data, [self.all[name] for name in self.secret])


class Environment:
    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def of(self, project: Project, sealed: Mapping[str, bytes] | None = None) -> Variables:
        """``sealed``: the project's secrets, where they were read with it already.

        Secrets win over variables of the same name; ours win over both.

        ``VIBN_PROJECT_SLUG`` is here although a container has it too: one that was made ahead of
        its project does not know it.
        """
        if sealed is None:
            secrets = await self._secrets.values(project.id)
        else:
            secrets = self._secrets.opened(project.id, sealed)
        ours = {"VIBN_PROJECT_SLUG": project.slug, "VIBN_DEV_CONTAINER": "1"}
        return Variables({**project.env, **secrets, **ours}, frozenset(secrets) - frozenset(ours))


def check(env: Mapping[str, str]) -> dict[str, str]:
    """Raises InvalidInput for a name or value that no process could get, TooLarge for too much."""
    for name, value in env.items():
        check_name(name)
        if "\0" in value:
            raise InvalidInput(f"The value of {name} holds a NUL byte.")
        if len(value.encode()) > VALUE_LIMIT:
            raise TooLarge(f"The value of {name} is above {VALUE_LIMIT} bytes.")
    if encoded(env) > TOTAL_LIMIT:
        raise TooLarge(
            f"The project's variables are above {TOTAL_LIMIT} bytes together, as JSON.",
            hint="Keep large values in a file in /workspace and name the file.",
        )
    return dict(env)


def encoded(env: Mapping[str, str]) -> int:
    """Bytes in a request: a character outside ASCII takes six or twelve."""
    return sum(len(json.dumps(name)) + len(json.dumps(value)) + 2 for name, value in env.items())


def check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
        raise InvalidInput(
            f"Not a variable's name: {name!r}.", hint="Use letters, digits and underscores."
        )
    if name.startswith("VIBN_"):
        raise InvalidInput(f"{name} is Vibn's own.", hint="Names with VIBN_ are reserved.")
    return name
