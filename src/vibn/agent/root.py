"""The short-lived root agent: frames on stdin and stdout, commands only. Ends with its client."""

from __future__ import annotations

import os

from .agent import Agent
from .ops import ROOT
from .session import Session
from .title import set_title


def root(workspace: str) -> int:
    """Serve one client until it goes; what it started in the foreground is killed."""
    # Frames leave by a descriptor of their own, so that nothing printed can get between them.
    reading, writing = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    agent = Agent("root", workspace, "")
    set_title("vibn-root")
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    session = Session(agent, reading, writing, ROOT)
    agent.sessions.add(session)

    def gone() -> None:
        agent.sessions.discard(session)
        agent.stop()

    session.on_close = gone
    if session.closed:
        gone()
    agent.loop.run()
    return agent.exit_code
