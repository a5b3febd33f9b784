"""The ``vibn`` command. Each command loads what it needs when it is called."""

from __future__ import annotations

import sys

from vibn.errors import VibnError


def main() -> None:
    """Run the command line; an error of the tree ends with its message and its exit status."""
    from pydantic import ValidationError

    from vibn.cli.commands import commands

    try:
        commands()
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            print(f"vibn: VIBN_{name}: {wrong['msg']}", file=sys.stderr)
        sys.exit(2)
    except VibnError as error:
        print(f"vibn: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"      {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
