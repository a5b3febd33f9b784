"""A hand in the box: the few things that seeding and the reconciler do there, by its agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from vibn.channel import AgentClient
from vibn.services.environment import Variables

TIMED_OUT = 124
"""The exit status that ``timeout(1)`` gives, too."""


class AgentHand:
    def __init__(self, client: AgentClient, variables: Variables | None = None) -> None:
        """``variables`` are set in each command; their secrets are masked in what it complains."""
        self._client = client
        self._variables = variables or Variables({})

    async def sh(self, script: str, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit status (124: timed out), standard output and standard error, 30,000 bytes each."""
        given = {**self._variables.all, **env}
        done = await self._client.exec(script, env=given, timeout=timeout, log=False)
        status = TIMED_OUT if done.timed_out else -1 if done.exit is None else done.exit
        said = self._variables.masked(done.stderr)
        return status, done.stdout.decode(errors="replace"), said.decode(errors="replace")

    async def unpack(self, path: str, content: AsyncIterator[bytes]) -> None:
        """A tar, plain or gzip, beneath ``path`` of the workspace."""
        await self._client.fs_unpack(content, path)

    async def untouched(self) -> bool:
        """Whether /workspace is empty and no job ever ran here."""
        found = await self._client.fs_list(limit=2)
        jobs = await self._client.job_list()
        return not found.entries and not jobs
