"""The operation takeover: another build of the agent takes the place of this one, in the same
process: the listening socket and the children stay, so jobs notice nothing."""

from __future__ import annotations

import _socket
import os
import sys

from .agent import Agent, build_of
from .args import take
from .failure import Failure
from .frames import MAX_BODY
from .ops import LATER
from .spawn import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context

TRIAL = 10.0
"""Seconds for a new build to show that it starts."""
PATIENCE = 8.0
"""Seconds for foreground commands to end before the new build starts regardless."""


def handle(context: Context, args: dict[str, Any], body: bytes) -> object:
    given = take(args, {"path": (str, None)})
    if (given["path"] is None) == (not body):
        raise Failure("invalid_input", "give either a zipapp as the body or its path")
    agent = context.agent
    path = given["path"] or _keep(agent, body)
    if not path.startswith("/"):
        raise Failure("invalid_input", "the path must be absolute")
    Takeover(context, path, ours=bool(body))
    return LATER


def _keep(agent: Agent, body: bytes) -> str:
    if len(body) > MAX_BODY or not agent.state:
        raise Failure("unsupported", "This agent cannot keep a new build.")
    # A name of its own: this agent still imports from the file that it was started from.
    path = "%s/agent-%s.pyz" % (agent.state, os.urandom(8).hex())
    os.makedirs(agent.state, 0o700, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        rest = body
        while rest:
            rest = rest[os.write(fd, rest) :]
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(fd)
    return path


class Takeover:
    """First a trial start; a build that fails it is refused. Then good-bye, then execve."""

    def __init__(self, context: Context, path: str, ours: bool) -> None:
        """``ours``: the file was kept for this takeover, and goes when the build is refused."""
        self._ours = ours
        self._context = context
        self._agent = agent = context.agent
        self._path = path
        self._waited = 0.0
        python = os.readlink("/proc/self/exe")
        self._argv = [python, "-I", "-S", path]
        null = agent.null
        env = dict(agent.environ, VIBN_RUN="trial-" + agent.boot[:8])
        self._trial = spawn([*self._argv, "version"], env, "/", ((null, 0), (null, 1), (null, 2)))
        agent.children.wait(self._trial, self._tried)
        self._timer = agent.loop.later(TRIAL, self._kill_trial)

    def _kill_trial(self) -> None:
        os.kill(self._trial, 9)

    def _tried(self, status: int) -> None:
        self._timer.cancel()
        agent = self._agent
        if status != 0:
            if self._ours:
                os.unlink(self._path)
            self._context.fail("invalid_input", "The new build does not start here.")
            return
        if agent.stopping:
            return
        self._context.finish({"boot": agent.boot})
        agent.loop.remove(agent.listener)
        agent.stopping = True
        for session in list(agent.sessions):
            session.bye("replaced")
        for run in list(agent.runs.values()):
            run.cancel()
        self._replace()

    def _replace(self) -> None:
        agent = self._agent
        if (agent.runs or agent.sessions) and self._waited < PATIENCE:
            self._waited += 0.005
            agent.loop.later(0.005, self._replace)
            return
        os.set_inheritable(agent.listener, True)
        if agent.kept >= 0:
            os.set_inheritable(agent.kept, True)
        kept = "%d:%s:%r:%d:%d" % (
            agent.listener,
            agent.boot,
            agent.started,
            agent.commands,
            agent.kept,
        )
        words = [*self._argv, *_own_words()]
        try:
            os.execve(words[0], words, dict(agent.environ, VIBN_TAKEOVER=kept))
        finally:
            # Still here: leave, so that the restart loop brings an agent back.
            os._exit(1)


def _own_words() -> list[str]:
    return list(sys.argv[1:])


def revive(kept: str, workspace: str, state: str) -> tuple[Agent, Any]:
    """The agent and the listening socket that an earlier build handed over."""
    number, boot, started, commands, pipe = kept.split(":")
    agent = Agent("resident", workspace, state, boot=boot)
    agent.started = float(started)
    agent.commands = int(commands)
    agent.kept = int(pipe)
    if agent.kept >= 0:
        os.set_inheritable(agent.kept, False)
    socket = _socket.socket(fileno=int(number))
    socket.setblocking(False)
    os.set_inheritable(socket.fileno(), False)
    _forget_builds(state, agent.build)
    agent.loop.soon(agent.children.reap)
    return agent, socket


def _forget_builds(state: str, build: str) -> None:
    try:
        for name in os.listdir(state):
            path = state + "/" + name
            if name.startswith("agent-") and name.endswith(".pyz") and build_of(path) != build:
                os.unlink(path)
    except OSError:
        return
