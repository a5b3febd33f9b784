"""Limits of a process, as options of prlimit, for what no cgroup holds.

Never RLIMIT_AS: Node and Go reserve far more addresses than they use. RLIMIT_DATA counts only
private memory that can be written, and each process alone; RLIMIT_NPROC counts the box's host
user, which is another for each box when we are root.
"""

from __future__ import annotations

import resource
from collections.abc import Collection

from vibn.models import Limits

_FILES = 65536


def options(limits: Limits, held: Collection[str], own_user: bool) -> tuple[list[str], set[str]]:
    """The options, and the names of the limits that they hold besides those ``held`` already."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    found, names = ["--core=0", f"--nofile={files}"], set[str]()
    if "pids" not in held and own_user:
        found.append(f"--nproc={limits.pids}")
        names.add("pids")
    if "memory" not in held:
        found.append(f"--data={limits.memory}")
        names.add("memory (each process)")
    return found, names
