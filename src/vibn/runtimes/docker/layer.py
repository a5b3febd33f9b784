"""A limit for the container's own layer: what root writes outside of the box's mounts.

An engine holds one with overlay2 on xfs that is mounted with project quotas, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNHELD = "disk of the container's own layer"
_MOUNTS = Path("/proc/self/mountinfo")


def limited(info: Mapping[str, Any], mounts: str | None = None) -> bool:
    """Whether the engine that says ``info`` of itself, on this host, takes a size for the layer.
    ``mounts``: the text of a mountinfo instead of this host's own."""
    told = {str(pair[0]): str(pair[1]) for pair in info.get("DriverStatus") or () if len(pair) == 2}
    if info.get("Driver") != "overlay2" or told.get("Backing Filesystem") != "xfs":
        return False
    root = Path(str(info.get("DockerRootDir") or "/nowhere"))
    text = _MOUNTS.read_text() if mounts is None else mounts
    best, options = Path("/"), ""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4])
        if (root == point or point in root.parents) and len(point.parts) >= len(best.parts):
            best, options = point, after.split()[-1]
    return bool({"prjquota", "pquota"} & set(options.split(",")))
