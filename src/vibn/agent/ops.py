"""The table of operations: a name to ``module:function``, imported at its first use.

A handler is ``def handler(ctx, args, body)`` with a Context (context.py), the arguments as they
came (check them with ``args.take``) and the request's body. It answers in one of three ways:

- it returns ``(result, body)``: a JSON-able dict and bytes, at most MAX_BODY of them;
- it is a generator: it yields None to give other requests a turn (a long walk yields every few
  milliseconds of work), or one of the Context's waits, and returns ``(result, body)``;
- it returns LATER, and calls ``ctx.finish`` or ``ctx.fail`` in time.

It says no by raising Failure; an OSError that it lets through becomes the fitting Failure.
"""

from __future__ import annotations

import sys

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, Union

    from .context import Context

    Result = tuple[dict[str, Any], bytes]
    Answer = Union[Result, Generator[Any, Any, Result], object]
    Handler = Callable[[Context, dict[str, Any], bytes], Answer]

LATER = object()
"""Returned by a handler that answers later, through ``ctx.finish`` or ``ctx.fail``."""

RESIDENT = {
    "exec": "run:handle",
    "job.start": "joboperations:start",
    "job.list": "joboperations:listing",
    "job.read": "joboperations:read",
    "job.input": "joboperations:give",
    "job.signal": "joboperations:signal",
    "forward": "forward:handle",
    "info": "info:handle",
    "takeover": "takeover:handle",
    "fs.read": "files:read",
    "fs.lines": "lines:handle",
    "fs.write": "files:write",
    "fs.list": "directories:listing",
    "fs.stat": "files:stat",
    "fs.mkdir": "directories:mkdir",
    "fs.delete": "directories:delete",
    "fs.move": "directories:move",
    "fs.edit": "edit:handle",
    "fs.glob": "glob:handle",
    "fs.grep": "grep:handle",
    "fs.watch": "watch:handle",
    "fs.unpack": "archive:unpack",
    "fs.pack": "archive:pack",
}
ROOT = {"exec": "run:handle"}
"""What a root agent offers: commands only; files never go through root."""

_loaded: dict[str, Handler] = {}


def find(op: object, table: dict[str, str]) -> Handler:
    """The handler of ``op``. Raises Failure(invalid_input) for one that is not in ``table``."""
    if not isinstance(op, str) or op not in table:
        raise Failure("invalid_input", "unknown operation %.60r" % (op,))
    handler = _loaded.get(op)
    if handler is None:
        module, _, name = table[op].partition(":")
        full = __name__.rpartition(".")[0] + "." + module
        __import__(full)
        handler = _loaded[op] = getattr(sys.modules[full], name)
    return handler
