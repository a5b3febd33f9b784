"""The resident agent: a listener on a Unix socket, and a session for each connection."""

from __future__ import annotations

import _socket
import os

from .agent import Agent
from .failure import Failure
from .loop import IN, complain
from .ops import RESIDENT
from .session import Session
from .title import set_title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_CONNECTIONS = 64


class Listener:
    """Accepts on a listening Unix socket. ``socket`` is kept open over a takeover."""

    def __init__(self, agent: Agent, socket: Any) -> None:
        self.agent = agent
        self.socket = socket
        agent.listener = socket.fileno()
        agent.loop.add(socket.fileno(), IN, self._accept)

    def _accept(self, _mask: int) -> None:
        agent = self.agent
        for _ in range(16):
            try:
                fd, _address = self.socket._accept()
            except BlockingIOError:
                return
            except OSError:
                # Out of descriptors: leave the caller in the queue for a moment.
                agent.loop.remove(agent.listener)
                agent.loop.later(0.05, self._again)
                return
            os.set_blocking(fd, False)
            if len(agent.sessions) >= MAX_CONNECTIONS:
                self._turn_away(fd, "%d connections are open already." % MAX_CONNECTIONS)
                continue
            try:
                agent.check_descriptor(fd)
            except Failure as failure:
                self._turn_away(fd, failure.message)
                continue
            session = Session(agent, fd, fd, RESIDENT)
            agent.sessions.add(session)
            session.on_close = lambda session=session: agent.sessions.discard(session)

    def _again(self) -> None:
        if not self.agent.stopping:
            self.agent.loop.add(self.agent.listener, IN, self._accept)

    def _turn_away(self, fd: int, message: str) -> None:
        from .frames import encode

        try:
            os.write(
                fd, encode({"t": "error", "id": 0, "code": "limit_reached", "message": message})
            )
        except OSError:
            complain()
        os.close(fd)


def listen(path: str) -> Any:
    """A listening socket at ``path``, which replaces a dead one's. Raises OSError when another
    agent answers there."""
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
    try:
        probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
        try:
            probe.connect(path)
            raise FileExistsError(17, "another agent serves this socket", path)
        except (FileNotFoundError, ConnectionRefusedError):
            pass
        except BlockingIOError:
            raise FileExistsError(17, "another agent serves this socket", path) from None
        finally:
            probe.close()
        # Bound beside its place and renamed onto it, so that a caller finds the old socket or a
        # listening one.
        beside = "%s.%d" % (path, os.getpid())
        _unlink(beside)
        socket.bind(beside)
        socket.listen(128)
        os.rename(beside, path)
    except BaseException:
        socket.close()
        raise
    return socket


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def serve(socket_path: str, workspace: str, state: str) -> int:
    """Serve until told to stop. Returns the exit status."""
    kept = os.environ.pop("VIBN_TAKEOVER", "")
    if kept:
        from .takeover import revive

        agent, socket = revive(kept, workspace, state)
    else:
        agent = Agent("resident", workspace, state)
        pipe = os.environ.pop("VIBN_KEPT", "")
        agent.kept = int(pipe) if pipe.isdigit() else -1
        socket = listen(socket_path)
    Listener(agent, socket)
    set_title("vibn-agent")
    agent.loop.soon(lambda: _settle(agent))
    agent.loop.run()
    if not agent.stopping:
        return 1
    _unlink(socket_path)
    return agent.exit_code


def _settle(agent: Agent) -> None:
    """What can wait until the agent is ready: tidy after an earlier agent, find its jobs."""
    if not agent.state:
        return
    from .ledger import Ledger

    try:
        os.makedirs(agent.state, 0o700, exist_ok=True)
        ledger = Ledger(agent.state + "/running")
        leftovers = ledger.leftovers()
    except OSError:
        # A state directory that cannot be written is told by the first job or log.
        complain()
        return
    agent.ledger = ledger
    if leftovers:
        from .killing import Killing

        for _pid, marker in leftovers:
            # By the marker alone: the pid may be another's by now.
            Killing(agent, -1, marker, None)
    if os.path.isdir(agent.state + "/jobs"):
        agent.jobs.adopt()
