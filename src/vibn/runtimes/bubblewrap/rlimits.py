"""Limits of a process, as options of prlimit, for what no cgroup holds.

Never RLIMIT_AS: Node and Go reserve far more addresses than they use. RLIMIT_DATA counts only
private memory that can be written, and each process alone; RLIMIT_NPROC counts the processes of
the box's user: its own when we are root, and since Linux 5.14 those of its user namespace.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Collection

from vibn.models import Limits

_FILES = 65536


def options(limits: Limits, held: Collection[str], own_user: bool) -> tuple[list[str], set[str]]:
    """The options, and the names of the limits that they hold besides those ``held`` already."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    found, names = ["--core=0", f"--nofile={files}"], set[str]()
    if "pids" not in held and (own_user or _counts_by_namespace()):
        found.append(f"--nproc={limits.pids}")
        names.add("pids")
    if "memory" not in held:
        found.append(f"--data={limits.memory}")
        names.add("memory (each process)")
    return found, names


def _counts_by_namespace() -> bool:
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return version is not None and (int(version[1]), int(version[2])) >= (5, 14)
