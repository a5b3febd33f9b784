"""Which processes a box is now, and how it last ended; kept on disk, because boxes outlive us.

bwrap writes the pid of the box's first process, and at its end the exit status, into a file of
the box by itself (``report``). So a control plane that was killed between starting a sandbox
and noting it finds it again all the same.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from vibn.runtimes.bubblewrap import record
from vibn.runtimes.processes import Process, boot_id

_NEAR = 5.0
"""Seconds between a process's start and bwrap's report of it, at most."""


@dataclass(frozen=True, slots=True)
class Life:
    """``wanted`` tells whether an end was asked for; ``starter`` is who was starting it."""

    boot: str
    wanted: bool
    started_at: datetime | None = None
    process: Process | None = None
    starter: Process | None = None
    helper: Process | None = None
    """The program that carries the box's network, where there is one."""
    address: str = ""
    """The box's own address on this host, where it has one."""
    held: frozenset[str] = frozenset()
    """The names of the limits that are applied."""
    limits_by: str = ""
    failure: str = ""

    def stopped(self) -> Self:
        return replace(self, wanted=False, failure="")

    def failed(self, why: str) -> Self:
        return replace(self, process=None, starter=None, helper=None, failure=why)

    def running(self) -> Process | None:
        """The box's first process, when it lives."""
        if self.boot != boot_id() or self.process is None or not self.process.alive():
            return None
        return self.process

    def starting(self) -> bool:
        """Whether a control plane that still lives is starting it."""
        if self.boot != boot_id() or self.process is not None or self.failure or not self.wanted:
            return False
        return self.starter is not None and self.starter.alive()


_LIFE = TypeAdapter(Life)


def begin(at: datetime) -> Life:
    """What is noted before a sandbox is started."""
    return Life(boot_id(), True, started_at=at, starter=Process.find(os.getpid()))


def save(path: Path, life: Life) -> None:
    record.save(path, _LIFE.dump_json(life).decode())


def load(path: Path, report: Path) -> Life | None:
    """None when the box was never started. Damage counts as an end that nobody asked for."""
    try:
        life = _LIFE.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError:
        return Life("", True)
    if life.process is None and life.wanted and not life.failure and life.boot == boot_id():
        found = _reported(report)
        if found is not None:
            return replace(life, process=found, starter=None)
    return life


def exit_status(report: Path) -> int | None:
    """The exit status of the last sandbox; above 128 it is a signal. None when unknown."""
    status = _read(report).get("exit-code")
    return status if isinstance(status, int) else None


def _reported(report: Path) -> Process | None:
    said = _read(report)
    pid = said.get("child-pid")
    if not isinstance(pid, int) or "exit-code" in said:
        return None
    process = Process.find(pid)
    if process is None:
        return None
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started += process.start / os.sysconf("SC_CLK_TCK")
    return process if abs(started - report.stat().st_mtime) < _NEAR else None


def _read(report: Path) -> dict[str, object]:
    """All that bwrap reported: one JSON object a line, at most 64 KiB of them."""
    said: dict[str, object] = {}
    try:
        with report.open() as file:
            lines = file.read(1 << 16).splitlines()
    except OSError:
        return said
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            said.update(value)
    return said
