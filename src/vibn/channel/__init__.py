"""The channel: typed, multiplexed calls to the agent of a box."""

from vibn.channel.client import AgentClient
from vibn.channel.deadlines import Deadlines
from vibn.channel.pool import Pool
from vibn.channel.renewal import replace_older
from vibn.channel.streams import Packing, Running, Tunnel, Watching

__all__ = [
    "AgentClient",
    "Deadlines",
    "Packing",
    "Pool",
    "Running",
    "Tunnel",
    "Watching",
    "replace_older",
]
