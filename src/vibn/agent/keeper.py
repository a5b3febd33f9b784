"""The restart loop around serve: a shell, which takes a tenth of Python's memory. It is the box's
main process: while it runs, the box runs.

When something in the box kills the agent, it is back at once. An agent that ends by itself comes
back ever later, up to 5 s. TERM to the loop ends the box: it is passed on as USR1, and the loop
ends when the agent, having ended the jobs, does. The pauses, and the case that the shell cannot
fork because the pids limit is reached, are spent in this program, which then becomes the shell
again: neither needs a process.
"""

from __future__ import annotations

import os
import sys
import time

SCRIPT = """
printf vibn-main >/proc/self/comm 2>/dev/null
stop=
agent=
trap 'stop=1; [ -z "$agent" ] || kill -USR1 "$agent" 2>/dev/null' TERM INT
trap '' HUP
again() { [ -n "$stop" ] || exec "$VIBN_PYTHON" -I -S "$VIBN_AGENT" main "$@"; }
trap 'VIBN_AGAIN=$((${VIBN_AGAIN:-0} + 1)); export VIBN_AGAIN; again "$@"' EXIT
while [ -z "$stop" ]; do
  "$VIBN_PYTHON" -I -S -c "$VIBN_START" "$VIBN_AGENT" serve "$@" </dev/null &
  agent=$!
  [ -z "$stop" ] || kill -USR1 "$agent" 2>/dev/null
  wait "$agent"
  code=$?
  while kill -0 "$agent" 2>/dev/null; do wait "$agent"; code=$?; done
  agent=
  [ -n "$stop" ] && break
  [ "$code" -gt 128 ] || exit "$code"
  VIBN_AGAIN=0
done
trap - EXIT
exit 0
"""
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from agent.start import main; import os; "
    "os._exit(main(sys.argv[1:]))"
)
"""What the zipapp's own start does, without runpy, which takes as long as all of the agent."""
LONGEST = 5.0
FORGIVEN = 60.0
"""Seconds of life after which earlier failures do not count any more."""


def keep(words: list[str]) -> int:
    """Become the loop; ``words`` are the options of serve. Returns only when there is no shell."""
    again = _number("VIBN_AGAIN")
    if time.time() - _number("VIBN_SINCE") > FORGIVEN:
        again = min(again, 1)
    if again:
        time.sleep(min(LONGEST, 0.05 * 2 ** min(again, 10)))
    env = dict(
        os.environ,
        VIBN_PYTHON=os.readlink("/proc/self/exe"),
        VIBN_AGENT=os.path.abspath(sys.path[0]),
        VIBN_START=START,
        VIBN_AGAIN=str(again),
        VIBN_SINCE=str(int(time.time())),
    )
    # The script comes from a descriptor, not from an argument: `pkill -f` matches arguments.
    script = os.memfd_create("vibn-main", 0)
    os.write(script, SCRIPT.encode())
    os.execve("/bin/sh", ["vibn-main", "/proc/self/fd/%d" % script, *words], env)


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else 0
