"""Reaching an agent's Unix socket that lies in a directory which the box can write.

Code in the box shares the agent's user: it could put a link to the engine's socket, a FIFO or a
file in the socket's place. So the last component is opened without following links, must be a
socket, and is connected through that descriptor: what was checked is what is dialled. The path
then may also be longer than the 107 bytes that a socket address holds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

from vibn.errors import AgentLost, ProtocolViolation

FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.05


async def dial(path: Path, deadline: float) -> socket.socket:
    """A connected, non-blocking stream socket to the listener at ``path``.

    Tries again while there is no socket or nobody listens, until ``deadline`` (a time of the
    running loop's clock); at least once. Every directory above ``path`` must be out of the box's
    reach. Raises AgentLost when nothing answered, ProtocolViolation when something other than a
    socket lies there.
    """
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        reason = "nothing answered"
        try:
            return attempt(path)
        except FileNotFoundError:
            reason = "there is no socket yet"
        except (ConnectionRefusedError, BlockingIOError):
            reason = "nobody listens"
        except OSError as exc:
            raise AgentLost(f"The agent's socket cannot be reached: {exc.strerror}.") from exc
        left = deadline - loop.time()
        if left <= 0:
            raise AgentLost(f"The agent does not answer: {reason}.")
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def attempt(path: Path) -> socket.socket:
    """One try, without waiting. Raises OSError as the system does, or ProtocolViolation."""
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(place).st_mode):
            raise ProtocolViolation("What lies in the place of the agent's socket is no socket.")
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            made.connect(f"/proc/self/fd/{place}")
        except BaseException:
            made.close()
            raise
        return made
    finally:
        os.close(place)
