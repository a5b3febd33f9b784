"""Boxes as bubblewrap sandboxes of this host: the embedded default, without any engine.

runtime.py    the contract of ``runtimes/base.py``
places.py     where the files of a box lie
record.py     what a box is, on disk; its labels
life.py       which processes it is now, on disk
lock.py       one verb at a time, over all processes of this host
host.py       what this host lets us do, by trying
starting.py   the steps of a start: identity.py (user ids), etc.py (its /etc), cgroups.py and
              rlimits.py (limits), veth.py with firewall.py or usernet.py (network),
              resolvers.py (DNS), sandbox.py (what it sees), launch.py (running bwrap)
threads.py    blocking work that ends before its caller goes on
ending.py     end, freeze and thaw its processes
events.py     what happens to boxes
findings.py   ``vibn doctor``
"""

from vibn.runtimes.bubblewrap.host import Availability, available
from vibn.runtimes.bubblewrap.runtime import BubblewrapRuntime

__all__ = ["Availability", "BubblewrapRuntime", "available"]
