"""What the groups of typed operations stand on: one call, its answer built or the peer blamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vibn.channel.connection import Connection
from vibn.channel.fields import Fields
from vibn.errors import ProtocolViolation

T = TypeVar("T")

LONG = 240.0
"""Seconds that an operation over a whole tree may take, beyond the time that any has."""


class Caller:
    """Holds the connection. An answer of the wrong shape ends it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def _call(
        self,
        op: str,
        args: dict[str, Any],
        build: Callable[[Fields], T],
        body: bytes = b"",
        wait: float = 0.0,
    ) -> T:
        """One plain request without bytes in its answer. ``wait`` is how many seconds of its own
        the operation may take, beyond the time that any has."""
        connection = self.connection
        deadline = connection.deadlines.answer + wait
        result, rest = await connection.request(op, args, body, deadline)
        try:
            if rest:
                raise ProtocolViolation("The agent sent bytes that the operation does not have.")
            return build(result)
        except ProtocolViolation as error:
            connection.violated(error)
            raise

    async def _call_for_bytes(
        self, op: str, args: dict[str, Any], build: Callable[[Fields, bytes], T], wait: float = 0.0
    ) -> T:
        """One plain request whose answer has bytes."""
        connection = self.connection
        deadline = connection.deadlines.answer + wait
        result, rest = await connection.request(op, args, b"", deadline)
        return self._built(build, result, rest)

    def _built(self, build: Callable[[Fields, bytes], T], result: Fields, body: bytes) -> T:
        try:
            return build(result, body)
        except ProtocolViolation as error:
            self.connection.violated(error)
            raise


def command(cmd: str | None, argv: list[str] | None) -> dict[str, Any]:
    """The arguments that say what to run: a shell's text, or a program and its arguments."""
    if cmd is not None:
        return {"cmd": cmd} if argv is None else {"cmd": cmd, "argv": argv}
    return {"argv": argv or []}


def given(**args: object) -> dict[str, Any]:
    """The arguments that are not None: the others take the agent's defaults."""
    return {key: value for key, value in args.items() if value is not None}


def environment(env: Mapping[str, str] | None) -> dict[str, str] | None:
    return dict(env) if env else None
