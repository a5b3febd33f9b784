"""A hand in the box: the few things that seeding and the reconciler do there, by its agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from vibn.channel import AgentClient

TIMED_OUT = 124
"""The exit status that ``timeout(1)`` gives, too."""


class AgentHand:
    def __init__(self, client: AgentClient) -> None:
        self._client = client

    async def sh(self, script: str, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit status (124: timed out), standard output and standard error, 30,000 bytes each."""
        done = await self._client.exec(script, env=env, timeout=timeout, log=False)
        status = TIMED_OUT if done.timed_out else -1 if done.exit is None else done.exit
        return status, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    async def unpack(self, path: str, content: AsyncIterator[bytes]) -> None:
        """A tar, plain or gzip, beneath ``path`` of the workspace."""
        await self._client.fs_unpack(content, path)

    async def untouched(self) -> bool:
        """Whether /workspace is empty and no job ever ran here."""
        found = await self._client.fs_list(limit=2)
        jobs = await self._client.job_list()
        return not found.entries and not jobs
