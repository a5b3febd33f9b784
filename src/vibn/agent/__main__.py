"""``python -m vibn.agent``: the same program as the zipapp."""

from __future__ import annotations

import os
import sys

from vibn.agent.start import main

os._exit(main(sys.argv[1:]))
