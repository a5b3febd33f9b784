"""The contract of what hosts boxes.

What ``status`` answers:

    moment                                         state
    before ``create``, after ``remove``            absent (volumes may be left; see ``list``)
    after ``create`` with ``start=False``          stopped
    while the engine starts it                     starting
    up, whether or not the agent answers yet       running
    after ``freeze``                               frozen (memory kept; nothing inside runs)
    after ``stop``, or when its main process ended stopped
    when the engine could not start it             failed, with the reason
    after a restart of the control plane           as before: boxes outlive it
    after a restart of the engine or the host      running if it ran before, else stopped

Every verb is idempotent: doing it again, or finding it done by another hand, is no error;
``start``, ``stop``, ``freeze``, ``thaw`` and ``connect`` of an absent box raise ``BoxAbsent``.
Every verb may be cancelled at any await and may be repeated afterwards. ``stop`` of a frozen box
thaws it first; ``start`` of a frozen box thaws it. ``remove`` keeps the volumes unless
``volumes=True``. ``create`` for a ``box_id`` whose container exists returns that container's
handle; volumes left by an earlier container of the same ``box_id`` are taken up again.

Vendor exceptions stop here: what leaves a runtime is an error of ``vibn.errors``, most often
``RuntimeUnavailable``, ``BoxAbsent``, ``BoxFailed`` or ``Unsupported``.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from vibn.models import (
    Address,
    BoxRef,
    BoxSpec,
    Capabilities,
    Finding,
    OwnedBox,
    RuntimeEvent,
    RuntimeStatus,
)


class Runtime(Protocol):
    """Where boxes run. One object serves one installation (``installation`` is its random id)."""

    name: str
    capabilities: Capabilities

    async def create(self, spec: BoxSpec) -> str:
        """Make the box and, unless ``spec.start`` is False, start it; return its handle."""
        ...

    async def start(self, ref: BoxRef) -> None: ...

    async def stop(self, ref: BoxRef, grace: float = 10.0) -> None:
        """End every process in the box: TERM, then KILL after ``grace`` seconds."""
        ...

    async def freeze(self, ref: BoxRef) -> None:
        """Raises Unsupported where ``capabilities.freeze`` is False."""
        ...

    async def thaw(self, ref: BoxRef) -> None: ...

    async def remove(self, ref: BoxRef, volumes: bool = False) -> None:
        """Remove the container; with ``volumes`` its workspace and cache too, for good."""
        ...

    async def status(self, ref: BoxRef) -> RuntimeStatus: ...

    async def connect(self, ref: BoxRef, user: str = "vibn") -> socket.socket:
        """A connected, non-blocking stream socket to the agent; closing it ends the connection.

        Returns as soon as the agent accepts, waiting at most 10 s for a box that is still
        starting. Compares the container's installation and box-id labels with ``ref`` before it
        connects, and raises BoxAbsent on a mismatch. ``user`` is ``vibn`` (the resident agent)
        or ``root`` (a short-lived agent with exec and PTY only; Unsupported where
        ``capabilities.root`` is False). Raises AgentLost when nothing answers.
        """
        ...

    async def address(self, ref: BoxRef, port: int) -> Address | None:
        """What a proxy on this host can dial, or None: then the channel forwards."""
        ...

    async def list(self) -> Sequence[OwnedBox]:
        """The boxes of this installation, found by label, containers and left volumes alike."""
        ...

    def watch(self) -> AsyncIterator[RuntimeEvent]:
        """What happens to boxes, by our hand or another. Never ends by itself: it reconnects,
        and says ``RESYNC`` after each gap."""
        ...

    async def check(self) -> Sequence[Finding]:
        """Findings for ``vibn doctor``, each with its fix."""
        ...

    async def close(self) -> None:
        """Release connections of this object. Boxes keep running."""
        ...
