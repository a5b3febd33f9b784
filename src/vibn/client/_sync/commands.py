# Made by scripts/derive_sync.py: change its source, src/vibn/client/_async/commands.py.
"""Commands in the foreground."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from vibn.client._sync.link import Link
from vibn.client._sync.running import RunningCommand, started
from vibn.client.decode import blob, decode
from vibn.client.kept import Kept
from vibn.client.messages import Opening
from vibn.client.problem import ended_early, raise_told
from vibn.client.request import SILENCE, STARTING, Request, segment
from vibn.client.sse import Event
from vibn.client.values import CommandResult
from vibn.client.wires.blocking import OnText, tell

TIMEOUT = 120.0
MAX_BYTES = 30_000


class Commands:
    def __init__(self, link: Link, project: str) -> None:
        self._link = link
        self._path = f"/projects/{segment(project)}"

    def run(
        self,
        command: str,
        *,
        on_stdout: OnText | None = None,
        on_stderr: OnText | None = None,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        stdin: str | bytes = b"",
        user: str = "vibn",
        max_bytes: int = MAX_BYTES,
    ) -> CommandResult:
        """Run ``command`` by /bin/sh in ``cwd`` (default /workspace) to its end.

        A status other than 0 is a result, no error: see ``CommandResult.check``. ``on_stdout`` and
        ``on_stderr`` hear the output as text while it runs. ``timeout`` is in seconds, at most an
        hour: then it is killed, with all it started. Of each stream the result keeps
        ``max_bytes``, half from the head and half from the tail.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        body: dict[str, object] = {
            "command": command,
            "cwd": cwd,
            "env": dict(env or {}),
            "timeout_ms": round(timeout * 1000),
            "max_bytes": max_bytes,
            "user": user,
        }
        if data:
            body["stdin_base64"] = base64.b64encode(data).decode()
        request = Request("POST", f"{self._path}/exec", body=body, deadline=timeout + STARTING)
        if on_stdout is None and on_stderr is None:
            return decode(CommandResult, self._link.call(request))
        heard = _Heard(on_stdout, on_stderr, max_bytes)
        return self._followed(request, heard)

    @contextmanager
    def open(
        self,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        user: str = "vibn",
    ) -> Iterator[RunningCommand]:
        """Run ``command`` with its output as it comes and its stdin as it is written. Leaving the
        block before its end kills it, with all it started; so does ``timeout``, in seconds."""
        opening = Opening(command, cwd, env or {}, user, timeout, None)
        with started(self._link, f"{self._path}/terminal", opening) as running:
            yield running

    def _followed(self, request: Request, heard: _Heard) -> CommandResult:
        with self._link.events(replace(request, silence=SILENCE)) as events:
            for event in events:
                if event.name == "exit":
                    return heard.result(decode(CommandResult, event.data))
                heard.hear(event)
        raise ended_early(self._link.endpoint.url)


class _Heard:
    """What a followed command wrote: told on, and kept for its result."""

    def __init__(self, on_stdout: OnText | None, on_stderr: OnText | None, most: int) -> None:
        self._hears = {"stdout": on_stdout, "stderr": on_stderr}
        self._kept = {"stdout": Kept(most), "stderr": Kept(most)}

    def hear(self, event: Event) -> None:
        """Raises what the server tells of the call."""
        raise_told(event)
        if event.name in self._kept:
            self._tell(event.name, self._kept[event.name].add(blob(event.data)))

    def result(self, ended: CommandResult) -> CommandResult:
        for stream, kept in self._kept.items():
            self._tell(stream, kept.end())
        return replace(
            ended,
            stdout=self._kept["stdout"].text(ended.log),
            stderr=self._kept["stderr"].text(ended.log),
            truncated=ended.truncated or any(kept.cut for kept in self._kept.values()),
        )

    def _tell(self, stream: str, text: str) -> None:
        hears = self._hears[stream]
        if hears is not None and text:
            tell(hears, text)
