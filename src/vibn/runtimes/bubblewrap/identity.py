"""Who a box is to this host: a user id of its own, and the user namespace that maps it.

As root each box gets a host user id that no other box has, so that not even a way out of the
sandbox reaches another box's files or the host's; inside it is 1000. The range lies above the
ones that systemd hands out and below 2^31. Without root, boxes are the caller's own user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Collection
from pathlib import Path

from vibn.errors import BoxFailed, RuntimeUnavailable
from vibn.runtimes.bubblewrap.commands import which

INSIDE = 1000
FIRST = 1_900_000_000
COUNT = 100_000_000

_BOUNDS = {
    "max_user_namespaces": 0,
    "max_inotify_instances": 64,
    "max_inotify_watches": 65536,
    "max_fanotify_groups": 16,
    "max_fanotify_marks": 8192,
}
"""What all processes in the namespace together may have, as far as the kernel counts it."""
_BOUND = "".join(
    f"[ ! -e /proc/sys/user/{name} ] || echo {count} >/proc/sys/user/{name} || exit 1; "
    for name, count in _BOUNDS.items()
)
_WAIT = f"echo made; read mapped; {_BOUND} echo set; read done"
"""Run in the new namespace: waits for its map, sets its bounds, waits for its end."""


def choose(taken: Collection[int], draw: random.Random) -> int:
    """A host user id for a new box: ours without root, else one of the range, not ``taken``."""
    if os.geteuid() != 0:
        return os.getuid()
    while True:
        uid = draw.randrange(FIRST, FIRST + COUNT)
        if uid not in taken:
            return uid


def owns(uid: int) -> bool:
    """Whether ``uid`` is one that a box may have here."""
    return FIRST <= uid < FIRST + COUNT if os.geteuid() == 0 else uid == os.getuid()


async def namespace(uid: int, within: float = 5.0) -> int:
    """A descriptor of a new user namespace where 1000 is the host's ``uid`` and nobody else
    exists; no further user namespace can be made in it. The caller closes it.

    Without root ``uid`` is our own. Raises BoxFailed where the host refuses."""
    if os.geteuid() == 0 and uid != 0:
        # What a namespace uses up counts for the user who made it too: better its own than root.
        with contextlib.suppress(BoxFailed, OSError):
            return await _namespace(uid, uid, within)
    return await _namespace(uid, os.geteuid(), within)


async def _namespace(uid: int, maker: int, within: float) -> int:
    unshare = which("unshare")
    if unshare is None:
        raise RuntimeUnavailable("The program unshare (util-linux) is missing on this host.")
    # Not by arguments of the call: uvloop knows none for users and groups.
    ids = (f"--reuid={maker}", f"--regid={maker}", "--clear-groups")
    another = [] if maker == os.geteuid() else ["setpriv", *ids]
    process = await asyncio.create_subprocess_exec(
        *(*another, unshare, "--user", "--keep-caps", "sh", "-c", _WAIT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    fd = -1
    try:
        async with asyncio.timeout(within):
            if await process.stdout.readline() != b"made\n":
                raise BoxFailed("This host refuses user namespaces.")
            gid = uid if os.geteuid() == 0 else os.getgid()
            maps = {"setgroups": "deny"} if os.geteuid() != 0 else {}
            maps |= {"uid_map": f"{INSIDE} {uid} 1", "gid_map": f"{INSIDE} {gid} 1"}
            for file, content in maps.items():
                Path(f"/proc/{process.pid}/{file}").write_text(content)
            fd = os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            process.stdin.write(b"\n")
            if await process.stdout.readline() != b"set\n":
                raise BoxFailed("The new user namespace cannot be bounded.")
        kept, fd = fd, -1
        return kept
    except TimeoutError as exc:
        raise BoxFailed("Making a user namespace took too long.") from exc
    except OSError as exc:
        raise BoxFailed(f"The user namespace cannot be mapped: {exc.strerror}.") from exc
    finally:
        if fd >= 0:
            os.close(fd)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
