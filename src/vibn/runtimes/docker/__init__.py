"""Boxes as containers of a Docker Engine, on this host or behind ``DOCKER_HOST``.

runtime.py    the contract of ``runtimes/base.py``
engine.py     the connection to the engine; its errors become ours here
spec.py       what a box's container is made of
owned.py      labels and names: whose container, volume, network it is
storage.py    the volumes, with a disk image under them where that is possible
disk.py       the disk images: ext4 files on loop devices
host.py       what the host lends to boxes: sockets, the agent's file, the CA bundle
networks.py   one bridge a project, from small subnets
guard.py      the firewall rules that keep boxes from the host and private ranges
agentlink.py  the way to the agent: its socket, or relay.py through the exec API
events.py     what the engine tells of boxes
status.py     the engine's words for a container's state, in ours
image/        the image of boxes, built on this machine
findings.py   ``vibn doctor``, and whether this runtime can serve at all
"""

from vibn.runtimes.docker.findings import Availability, available
from vibn.runtimes.docker.runtime import DockerRuntime

__all__ = ["Availability", "DockerRuntime", "available"]
