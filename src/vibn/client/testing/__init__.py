"""A Vibn server in memory, for the tests of programs that use the SDK.

    def test_a_release_is_built():
        server = FakeServer()
        server.on("make", stdout="built\\n")
        with server.sandbox("shop") as box:
            release(box)                                 # your code
            assert box.files.read("VERSION") == "2.0"
        assert server.commands == ["make"]

The classes are the real ones, down to the JSON; there is no network. Files, jobs, projects, tokens
and the kill switch work as the server's do; commands do what the test says, and run no program.
For code that finds its server by itself, set ``VIBN_URL`` to ``server.url`` and ``VIBN_TOKEN`` to
``server.token``.
"""

from vibn.client.testing.process import FakeProcess, Killed
from vibn.client.testing.server import FakeServer

__all__ = ["FakeProcess", "FakeServer", "Killed"]
