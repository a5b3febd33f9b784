"""The ``vibn`` command. Each command loads what it needs when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import takewhile


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. An error of the tree ends with its message, the next step and its
    exit status; with ``--json`` it is a problem on stderr, as the server would tell it."""
    _open_what_is_closed()
    from typer import Abort
    from typer.exceptions import TyperException

    from vibn.cli.problems import settled, tell, usage
    from vibn.cli.root import commands
    from vibn.errors import VibnError

    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in takewhile(lambda argument: argument != "--", given)
    try:
        with settled():
            status = commands(given, prog_name="vibn", standalone_mode=False)
    except VibnError as error:
        tell(error, as_json)
        sys.exit(error.exit_code)
    except TyperException as error:
        usage(error, as_json)
        sys.exit(error.exit_code)
    except Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _open_what_is_closed() -> None:
    """A caller may start us without stdin, stdout or stderr: the next file that we open would
    take that number, and be read or written as if it were the caller's."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode))
