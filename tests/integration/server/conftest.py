"""Real servers on a real runtime. Boxes are removed when a test is over."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.served import Served, remove_boxes

from vibn.runtimes import bubblewrap

Start = Callable[..., Served]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts servers of one installation; each has its own place for its profile and its log."""
    found = asyncio.run(bubblewrap.available())
    if not found.usable:
        pytest.skip(f"bubblewrap: {found.reason}")
    state = Path(tempfile.mkdtemp(prefix="vs"))
    state.chmod(0o711)
    started: list[Served] = []

    def started_one(**environ: str) -> Served:
        config = Path(tempfile.mkdtemp(prefix="vsc"))
        served = Served(state, config, environ)
        started.append(served)
        return served.start()

    yield started_one
    for served in started:
        served.kill()
    urls = {served.environ.get("VIBN_DATABASE_URL", "") for served in started}
    for url in urls:
        remove_boxes(state, url)
    for served in started:
        shutil.rmtree(served.config, ignore_errors=True)
