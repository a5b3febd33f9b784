# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/jobs.py.
"""Background commands: they go on when nobody is connected."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from vibn.client._sync.link import Link
from vibn.client.decode import blob, decode, items, member
from vibn.client.problem import ended_early, raise_told
from vibn.client.request import SILENCE, STARTING, Request, segment
from vibn.client.sse import Event
from vibn.client.values import Job, JobOutput
from vibn.errors import ServerUnreachable, ShuttingDown

READ_LIMIT = 65_536
PATIENCE = 5
"""How often in a row a follower comes back without having got anything."""


class Jobs:
    def __init__(self, link: Link, project: str) -> None:
        self._link = link
        self._path = f"/projects/{segment(project)}/jobs"

    def start(
        self,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        name: str = "",
    ) -> Job:
        """Start ``command``; it has no time limit, and survives restarts of the server."""
        body = {"command": command, "cwd": cwd, "env": dict(env or {}), "name": name}
        request = Request("POST", self._path, body=body, deadline=STARTING)
        return decode(Job, self._link.call(request))

    def list(self) -> tuple[Job, ...]:
        """Also those that ended of late."""
        return items(Job, self._link.call(self._look("")), "jobs")

    def get(self, id: str) -> Job:
        """Raises JobNotFound."""
        return decode(Job, self._link.call(self._look(f"/{segment(id)}")))

    def read(
        self, id: str, *, offset: int = 0, limit: int = READ_LIMIT, wait: float = 0.0
    ) -> JobOutput:
        """Output from ``offset`` (negative: from the end); read on at ``next``. ``wait`` at most
        so many seconds (60) for something new. Raises JobNotFound."""
        query = {"offset": offset, "limit": limit, "wait_ms": round(wait * 1000)}
        data = self._link.call(self._look(f"/{segment(id)}/output", query))
        return _output(data, decode(Job, member(data, "job")))

    def follow(self, id: str, *, offset: int = 0) -> Iterator[JobOutput]:
        """Its output as it comes, until it ends: the last piece is empty and tells its ``job``.
        Comes back by itself, without a gap, when the connection breaks or the server restarts."""
        lost = 0
        while True:
            try:
                for piece in self._followed(id, offset):
                    yield piece
                    if piece.job is not None:
                        return
                    offset, lost = piece.next, 0
                raise ended_early(self._link.endpoint.url)
            except (ServerUnreachable, ShuttingDown):
                lost += 1
                if lost > PATIENCE:
                    raise
            self._link.rest(lost / 2)

    def input(self, id: str, data: str | bytes = b"", *, eof: bool = False) -> int:
        """Write to its stdin, at most 1 MiB; answers how many bytes it took. ``eof`` ends it."""
        raw = data.encode() if isinstance(data, str) else data
        body = {"base64": base64.b64encode(raw).decode(), "eof": eof}
        request = Request("POST", f"{self._path}/{segment(id)}/input", body=body)
        written = member(self._link.call(request), "written")
        return written if isinstance(written, int) else 0

    def signal(self, id: str, signal: str = "TERM") -> tuple[int, ...]:
        """Signal it and all it started; answers the pids that were signalled."""
        body = {"signal": signal.upper().removeprefix("SIG")}
        request = Request("POST", f"{self._path}/{segment(id)}/signal", body=body)
        pids = member(self._link.call(request), "signalled")
        return tuple(pids) if isinstance(pids, list) else ()

    def _followed(self, id: str, offset: int) -> Iterator[JobOutput]:
        request = Request(
            "GET",
            f"{self._path}/{segment(id)}/output",
            {"offset": offset},
            deadline=None,
            silence=SILENCE,
        )
        with self._link.events(request) as events:
            for event in events:
                yield _piece(event)

    def _look(self, path: str, query: Mapping[str, int] | None = None) -> Request:
        return Request(
            "GET", self._path + path, query or {}, repeatable=True, deadline=STARTING + 60
        )


def _piece(event: Event) -> JobOutput:
    """Raises what the server tells of the call."""
    if event.name == "exit":
        job = decode(Job, member(event.data, "job"))
        return JobOutput(offset=job.size, next=job.size, dropped=0, data=b"", job=job)
    raise_told(event)
    return _output(event.data, None)


def _output(data: object, job: Job | None) -> JobOutput:
    numbers = {name: member(data, name) for name in ("offset", "next", "dropped")}
    found = {name: value if isinstance(value, int) else 0 for name, value in numbers.items()}
    return JobOutput(**found, data=blob(data), job=job)
