"""What a lease is held for. The name stays on the row of a killed operation, so that another
control plane can roll it forward."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    CREATE = "create"
    CREATE_STOPPED = "create_stopped"
    """Make the container without starting it."""
    START = "start"
    """Bring it up from whatever it is: thaw, start, or make it again on its volumes."""
    RESTART = "restart"
    """It runs but its agent does not answer: stop, then start."""
    FREEZE = "freeze"
    STOP = "stop"
    RECREATE = "recreate"
    """A new container, on the row's image and the same volumes, as awake as the row says."""
    SEED = "seed"
    FOLLOW = "follow"
    """Another hand changed the container: write down what is so."""
    DELETE_CONTAINER = "delete_container"
    DELETE = "delete"
    """Container, volumes and row."""

    @property
    def line(self) -> str:
        """What to tell a person who waits for it."""
        return _LINES[self]


_LINES = {
    Operation.CREATE: "Spinning up your environment…",
    Operation.CREATE_STOPPED: "Preparing your environment…",
    Operation.START: "Waking your environment…",
    Operation.RESTART: "Restarting your environment…",
    Operation.FREEZE: "Putting your environment to sleep…",
    Operation.STOP: "Putting your environment to sleep…",
    Operation.RECREATE: "Moving your environment to its new image…",
    Operation.SEED: "Fetching your project's files…",
    Operation.FOLLOW: "Looking at your environment…",
    Operation.DELETE_CONTAINER: "Removing your environment's container; its files are kept…",
    Operation.DELETE: "Deleting your environment…",
}
