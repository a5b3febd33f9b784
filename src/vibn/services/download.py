"""A file of a box as a stream of pieces, of which one at a time is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from vibn.channel import AgentClient
from vibn.errors import HashMismatch
from vibn.outcomes import FileBytes

PIECE = 1 << 20


class Download:
    """``size`` and ``mtime`` are the file's; ``sha256`` is known when it fits one piece. Iterate
    once. Raises HashMismatch when the file changes on the way: what came is of no use then."""

    def __init__(self, client: AgentClient, path: str, first: FileBytes) -> None:
        self._client = client
        self._path = path
        self._first = first
        self.size = first.size
        self.mtime = first.mtime
        self.sha256 = first.sha256

    @classmethod
    async def open(cls, client: AgentClient, path: str, start: int) -> Download:
        return cls(client, path, await client.fs_read(path, start, PIECE))

    async def pieces(self, size: int | None = None) -> AsyncIterator[bytes]:
        """All from the start that was asked for, or ``size`` bytes of it."""
        left = self.size if size is None else size
        piece: FileBytes | None = self._first
        while piece is not None and left > 0:
            yield piece.data[:left]
            left -= len(piece.data)
            piece = await self._after(piece) if left > 0 else None

    async def _after(self, piece: FileBytes) -> FileBytes | None:
        if piece.next is None:
            return None
        found = await self._client.fs_read(self._path, piece.next, PIECE)
        if (found.size, found.mtime) != (self.size, self.mtime):
            raise HashMismatch("The file changed while it was read.", hint="Read it again.")
        return found
