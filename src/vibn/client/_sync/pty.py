# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/pty.py.
"""Interactive terminals in the box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from vibn.client._sync.link import Link
from vibn.client._sync.running import RunningCommand, started
from vibn.client.messages import Opening, Size
from vibn.client.request import segment


class Pty:
    def __init__(self, link: Link, project: str) -> None:
        self._link = link
        self._path = f"/projects/{segment(project)}/terminal"

    @contextmanager
    def open(
        self,
        command: str | None = None,
        *,
        rows: int = 24,
        cols: int = 80,
        term: str = "xterm-256color",
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        user: str = "vibn",
    ) -> Iterator[RunningCommand]:
        """A terminal with a login shell, or with ``command``. All that it shows comes as stdout;
        write what is typed. It has no time limit; leaving the block ends it."""
        opening = Opening(command, cwd, env or {}, user, None, Size(rows, cols), term)
        with started(self._link, self._path, opening) as terminal:
            yield terminal
