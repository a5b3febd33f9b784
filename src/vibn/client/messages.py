"""What goes over the socket of a running command: text messages are JSON, binary ones its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vibn.client.decode import decode, member, misfit
from vibn.client.problem import from_problem
from vibn.client.values import CommandResult, Output
from vibn.errors import VibnError


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal, in characters."""

    rows: int = 24
    cols: int = 80


@dataclass(frozen=True, slots=True)
class Started:
    pass


@dataclass(frozen=True, slots=True)
class Opening:
    """The first message. ``command`` None is a login shell; ``size`` None is no terminal."""

    command: str | None
    cwd: str
    env: Mapping[str, str]
    user: str
    timeout: float | None
    size: Size | None
    term: str = "xterm-256color"

    def text(self) -> str:
        terminal = self.size and {
            "rows": self.size.rows,
            "cols": self.size.cols,
            "term": self.term,
        }
        return json.dumps(
            {
                "command": self.command,
                "cwd": self.cwd,
                "env": dict(self.env),
                "user": self.user,
                "timeout_ms": None if self.timeout is None else round(self.timeout * 1000),
                "terminal": terminal,
            }
        )


def resize(size: Size) -> str:
    return json.dumps({"type": "resize", "rows": size.rows, "cols": size.cols})


def signal(name: str) -> str:
    return json.dumps({"type": "signal", "name": name.upper().removeprefix("SIG")})


EOF_MESSAGE = json.dumps({"type": "eof"})


def received(message: str | bytes) -> Output | Started | CommandResult | VibnError:
    """What the server says. Raises ProtocolViolation."""
    if isinstance(message, bytes):
        if message[:1] not in (b"\x01", b"\x02"):
            raise misfit("a piece of output of no known stream")
        return Output("stdout" if message[0] == 1 else "stderr", message[1:])
    try:
        told = json.loads(message)
    except ValueError:
        raise misfit("a message that is not JSON") from None
    match member(told, "type"):
        case "started":
            return Started()
        case "exit":
            return decode(CommandResult, member(told, "result"))
        case "error":
            error = member(told, "error")
            return from_problem(error if isinstance(error, Mapping) else {})
        case other:
            raise misfit(f"a message of the type {other!r}")
