"""The restart loop around serve. It is the box's main process: while it runs, the box runs.

This program forks, and the child serves: no second interpreter has to start. The parent becomes a
shell, which takes a tenth of Python's memory, and waits there until the child's end closes a pipe;
then it becomes this program again. The shell itself starts nothing, so the loop goes on when the
pids limit is reached.

When something in the box kills the agent, it is back at once. An agent that ends by itself says so
on that pipe, and comes back ever later, up to 5 s. TERM to the loop ends the box: it is passed on
as USR1, and the loop ends when the agent, having ended the jobs, does.

Where the loop is the first process of a pid namespace, what a killed agent left behind becomes its
children, and the shell collects those that end (dash by ``jobs``, bash by itself).
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = """
printf vibn-main >/proc/self/comm 2>/dev/null
stop=
trap 'heard=1; stop=1; kill -USR1 "$VIBN_CHILD" 2>/dev/null' TERM INT
trap '' HUP
trap 'heard=1; jobs >/dev/null' CHLD
heard=1 VIBN_STATUS=
while [ -n "$heard" ]; do
  heard=
  while read -r word <&9; do VIBN_STATUS=$word; done
done
[ -z "$stop" ] || exit 0
trap - TERM INT CHLD
export VIBN_STATUS
exec "$VIBN_PYTHON" -I -S -c "$VIBN_START" "$VIBN_AGENT" main "$@"
"""
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from agent.start import main; import os; "
    "os._exit(main(sys.argv[1:]))"
)
"""What the zipapp's own start does, without runpy, which takes as long as all of the agent."""
LONGEST = 5.0
_SCRIPT_FD, _PIPE_FD = 8, 9
FORGIVEN = 60.0
"""Seconds of life after which earlier failures do not count any more."""


def keep(words: list[str], serve: Callable[[list[str]], int]) -> int:
    """Become the loop; ``words`` are the options of serve. In the child it returns the status of
    ``serve(words)``, in the parent never."""
    _reap()
    failures = _failures()
    if _number("VIBN_CHILD"):
        # What the shell was given. The next child must not have them.
        os.close(_SCRIPT_FD)
        os.close(_PIPE_FD)
    if failures:
        time.sleep(min(LONGEST, 0.05 * 2 ** min(failures, 10)))
    ours, its = os.pipe()
    child = _fork()
    if child == 0:
        os.close(ours)
        os.environ["VIBN_KEPT"] = str(its)
        return _told(its, words, serve)
    os.close(its)
    # The script comes from a descriptor, not from an argument: `pkill -f` matches arguments.
    script = os.memfd_create("vibn-main")
    os.write(script, SCRIPT.encode())
    # The shell's redirections know descriptors of one digit only.
    os.dup2(script, _SCRIPT_FD)
    os.dup2(ours, _PIPE_FD)
    env = dict(
        os.environ,
        VIBN_PYTHON=os.readlink("/proc/self/exe"),
        VIBN_AGENT=os.path.abspath(sys.path[0]),
        VIBN_START=START,
        VIBN_CHILD=str(child),
        VIBN_AGAIN=str(failures),
        VIBN_SINCE=str(int(time.time())),
    )
    os.execve("/bin/sh", ["vibn-main", "/proc/self/fd/%d" % _SCRIPT_FD, *words], env)
    return 1


def _fork() -> int:
    """Fork; at the pids limit, as soon as there is room."""
    while True:
        try:
            return os.fork()
        except OSError:
            time.sleep(0.1)


def _told(pipe: int, words: list[str], serve: Callable[[list[str]], int]) -> int:
    """The status of ``serve(words)``. One that no signal caused is told to the shell, which cannot
    ask for it: the agent is not the shell's own child."""
    status = 1
    try:
        status = serve(words)
        return status
    finally:
        if status <= 128:
            _tell(pipe, status)


def _tell(pipe: int, status: int) -> None:
    try:
        os.write(pipe, b"%d\n" % status)
    except OSError:
        # The loop is gone: nobody starts the agent again.
        return


def _reap() -> None:
    """Collect what ended while this program was no shell."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def _failures() -> int:
    """How often in a row the agent ended by itself."""
    if not os.environ.get("VIBN_STATUS"):
        return 0
    if time.time() - _number("VIBN_SINCE") > FORGIVEN:
        return 1
    return _number("VIBN_AGAIN") + 1


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else 0
