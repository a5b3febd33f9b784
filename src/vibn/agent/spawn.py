"""Starts a process by posix_spawn: no copy of the agent, no thread, and at the pids limit a clear
error. The child has its own session, and comes after the agent where there is too little CPU."""

from __future__ import annotations

import os

from .cores import signal
from .failure import Failure, from_os_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULTS = [signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGTERM]
_DEFAULTS.extend(getattr(signal, name) for name in ("SIGXFSZ", "SIGXFZ") if hasattr(signal, name))

NICE = 10
"""Of every command and job: the agent has to answer, and to end them, while hundreds of their
processes want the box's CPU."""


def arguments(cmd: Any, argv: Any) -> list[str]:
    """The argument list of a command given as shell text or as a list; exactly one of them."""
    if (cmd is None) == (argv is None):
        raise Failure("invalid_input", "give either cmd or argv")
    if cmd is not None:
        if not cmd.strip():
            raise Failure("invalid_input", "the command is empty")
        return ["/bin/sh", "-c", cmd]
    if not argv or not all(type(word) is str and "\0" not in word for word in argv):
        raise Failure("invalid_input", "argv must be a list of texts with at least one")
    if not argv[0]:
        raise Failure("invalid_input", "the command is empty")
    return list(argv)


def environment(base: dict[str, str], extra: Any, marker: str) -> dict[str, str]:
    """The environment of a command; ``extra`` comes from the client."""
    env = {"VIBN_RUN": marker}
    env.update(base)
    for key, value in extra.items():
        if type(value) is not str or not key or "=" in key or "\0" in key or "\0" in value:
            raise Failure("invalid_input", "env must map names to texts (%.60r)" % key)
        env[key] = value
    env["VIBN_RUN"] = marker
    return env


def program(name: str, env: dict[str, str], cwd: str) -> str:
    """The file to execute for ``name``, looked for as a shell does."""
    if "/" in name:
        return name
    for place in env.get("PATH", os.defpath).split(":"):
        path = os.path.join(cwd, place, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise Failure("file_missing", "no program named %.200r on PATH" % name)


def spawn(
    argv: list[str],
    env: dict[str, str],
    cwd: str,
    descriptors: tuple[tuple[int, int], ...] = (),
    terminal: str = "",
    path: str = "",
) -> int:
    """The pid of the new process. ``descriptors`` are (ours, the child's) pairs; with ``terminal``
    that device becomes its controlling terminal and descriptors 0 to 2. ``path`` is the file when
    it is another than ``argv[0]``. Raises Failure."""
    actions: list[Any] = [(os.POSIX_SPAWN_DUP2, ours, its) for ours, its in descriptors]
    if terminal:
        # The leader of a new session that opens a terminal gets it as controlling terminal.
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ]
    # posix_spawn takes no directory; we have one thread, so ours can be lent.
    try:
        os.chdir(cwd)
    except OSError as error:
        raise from_os_error(error, "the working directory %s" % cwd) from None
    try:
        pid = os.posix_spawn(
            path or program(argv[0], env, cwd),
            argv,
            env,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        return pid
    except BlockingIOError:
        raise Failure("pids_limit", "No process can be started: the box is at its limit.") from None
    except OSError as error:
        raise from_os_error(error, argv[0]) from None
    except UnicodeEncodeError:
        raise Failure("invalid_input", "the command or env is not Unicode") from None
    finally:
        os.chdir("/")
