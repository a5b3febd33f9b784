"""The agent's first frame: who it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vibn.agent.frames import PROTOCOL
from vibn.channel.fields import Fields, choice, integer, shown, text
from vibn.errors import ProtocolViolation


class Mode(StrEnum):
    RESIDENT = "resident"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Hello:
    """``build`` is the SHA-256 of the agent's zipapp; ``boot`` names this life of the agent and
    is kept across a takeover."""

    version: str
    build: str
    python: str
    pid: int
    boot: str
    mode: Mode


def read_hello(fields: Fields) -> Hello:
    """Raises ProtocolViolation for a wrong shape or another protocol version."""
    if fields.get("t") != "hello":
        raise ProtocolViolation("The agent did not begin with a greeting.")
    if (protocol := integer(fields, "protocol")) != PROTOCOL:
        raise ProtocolViolation(
            f"The agent in the box speaks protocol {protocol}, this control plane {PROTOCOL}.",
            hint="Suspend and resume the box: it starts with the agent of this version.",
        )
    return Hello(
        version=shown(text(fields, "version", 100)),
        build=shown(text(fields, "build", 100)),
        python=shown(text(fields, "python", 100)),
        pid=integer(fields, "pid", 1),
        boot=shown(text(fields, "boot", 100)),
        mode=choice(fields, "mode", Mode),
    )
