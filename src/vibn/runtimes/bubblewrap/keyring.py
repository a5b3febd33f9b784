"""Starting a process with a session keyring of its own, so that it holds no key of ours.

The kernel hands a session's keyring on over every fork, exec and namespace; what runs in a box
would possess the keys of whoever started the control plane, and those of all other boxes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import threading
from collections.abc import Callable

from vibn.errors import BoxFailed
from vibn.runtimes.bubblewrap.threads import complete

_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_JOIN_SESSION_KEYRING = 1
_ABSENT = (errno.ENOSYS, errno.EPERM, errno.EACCES)
"""No keys in this kernel, or a filter around us that refuses them: to boxes as well then."""


def why_not() -> str:
    """Why a box keeps our session's keyring here; empty when it gets one of its own."""
    machine = os.uname().machine
    return "" if machine in _KEYCTL else f"the number of keyctl on {machine} is unknown"


async def apart(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """What ``start`` started, in a new and empty session keyring. Raises what it raised, and
    BoxFailed when the kernel grants no more keyrings."""
    return await complete(_in_thread, start)


def _in_thread(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A keyring is joined by one thread and its children, so this takes a thread of its own."""
    ended: list[subprocess.Popen[bytes] | BaseException] = []

    def run() -> None:
        try:
            join()
            ended.append(start())
        except BaseException as exc:
            ended.append(exc)

    thread = threading.Thread(target=run, name="vibn-keyring")
    thread.start()
    thread.join()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def join() -> None:
    """Give this thread a new and empty session keyring. Raises BoxFailed."""
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if libc.syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), None) < 0:
        code = ctypes.get_errno()
        if code not in _ABSENT:
            raise BoxFailed(f"The box gets no keyring of its own: {os.strerror(code)}.")
