"""How errors are told to a person, and to a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vibn.cli.hints import hint_of
from vibn.cli.plain import plain
from vibn.errors import InvalidInput, VibnError

if TYPE_CHECKING:
    from typer.exceptions import TyperException


@contextmanager
def settled() -> Iterator[None]:
    """What stands wrong in the environment becomes InvalidInput that names the variable."""
    try:
        yield
    except ValueError as error:
        pydantic = sys.modules.get("pydantic")
        if pydantic is None or not isinstance(error, pydantic.ValidationError):
            raise
        wrong = [("_".join(str(part) for part in one["loc"]), one["msg"]) for one in error.errors()]
        told = "; ".join(f"VIBN_{name.upper()}: {message}" for name, message in wrong)
        raise InvalidInput(told, hint="docs/server.md and docs/runtimes.md list them.") from None


def tell(error: VibnError, as_json: bool) -> None:
    if as_json:
        _problem(error.code, error.message, hint_of(error), error.retryable, error.detail)
        return
    print(f"vibn: {plain(error.message)}", file=sys.stderr)
    if hint := hint_of(error):
        print(f"      {plain(hint)}", file=sys.stderr)


def usage(error: TyperException, as_json: bool) -> None:
    """A command line that was not understood."""
    if as_json:
        hint = "Add --help to see what the command takes."
        _problem(InvalidInput.code, error.format_message(), hint, False, {})
    elif show := getattr(error, "show", None):
        show()
    else:
        print(f"vibn: {error.format_message()}", file=sys.stderr)


def _problem(
    code: str, message: str, hint: str, retryable: bool, detail: dict[str, object]
) -> None:
    told = {"code": code, "message": message, "hint": hint, "retryable": retryable}
    print(json.dumps({"error": {**told, "detail": detail}}, default=str), file=sys.stderr)
