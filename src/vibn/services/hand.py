"""Seeding's hand in the box: the agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from vibn.channel import AgentClient


class AgentHand:
    def __init__(self, client: AgentClient) -> None:
        self._client = client

    async def sh(self, script: str, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit status (124: timed out), standard output and standard error, 30,000 bytes each."""
        raise NotImplementedError

    async def unpack(self, path: str, content: AsyncIterator[bytes]) -> None:
        """A tar, plain or gzip, beneath ``path`` of the workspace."""
        raise NotImplementedError

    async def untouched(self) -> bool:
        """Whether /workspace is empty and no job runs."""
        raise NotImplementedError
