"""The command line: serve, relay, root, main."""

from __future__ import annotations

import os
import sys

USAGE = """usage: vibn-agent serve --socket PATH [--workspace DIR] [--state DIR]
       vibn-agent relay --socket PATH
       vibn-agent root  [--workspace DIR]
       vibn-agent main  --socket PATH [--workspace DIR] [--state DIR]
       vibn-agent version
"""


def options(words: list[str], known: tuple[str, ...]) -> dict[str, str]:
    """``--name value`` pairs. Raises ValueError for anything else."""
    found = {}
    rest = iter(words)
    for word in rest:
        name = word[2:]
        value = next(rest, None)
        if not word.startswith("--") or name not in known or value is None:
            raise ValueError(word)
        found[name] = value
    return found


def main(argv: list[str]) -> int:
    """Run one mode; returns the exit status (2 for a wrong command line)."""
    mode = argv[0] if argv else ""
    try:
        given = options(argv[1:], ("socket", "workspace", "state"))
        if mode in ("serve", "relay", "main"):
            given["socket"]
    except (ValueError, KeyError) as error:
        sys.stderr.write("vibn-agent: missing or unknown: %s\n%s" % (error, USAGE))
        return 2
    workspace = os.path.realpath(given.get("workspace", "/workspace"))
    home = os.environ.get("HOME") or "/tmp"
    state = os.path.abspath(given.get("state", home + "/.cache/vibn"))
    if mode == "serve":
        from .serve import serve

        os.umask(0o022)
        return serve(os.path.abspath(given["socket"]), workspace, state)
    if mode == "relay":
        from .relay import relay

        return relay(given["socket"])
    if mode == "root":
        from .root import root

        return root(workspace)
    if mode == "main":
        from .keeper import keep

        def become_serve(words: list[str]) -> int:
            # A takeover starts the next build with these words.
            sys.argv[1:] = ["serve", *words]
            return main(sys.argv[1:])

        return keep(argv[1:], become_serve)
    if mode == "version":
        from .agent import VERSION

        sys.stdout.write(VERSION + "\n")
        return 0
    sys.stderr.write(USAGE)
    return 2
