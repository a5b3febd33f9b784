"""A real server as ``vibn up`` starts it, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from pydantic import SecretStr

from vibn.app import open_app
from vibn.client.profile import read_profile
from vibn.config import Settings

ADMIN = "operators-secret"
UP = (sys.executable, "-c", "import sys; from vibn.cli import main; sys.argv[0] = 'vibn'; main()")
PATIENCE = 60.0


@dataclass
class Served:
    """``state`` and ``config`` are directories; servers that share them share an installation."""

    state: Path
    config: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    def start(self) -> Served:
        env = {name: value for name, value in os.environ.items() if not name.startswith("VIBN_")}
        ours = {
            "VIBN_STATE_DIR": str(self.state),
            "XDG_CONFIG_HOME": str(self.config),
            "VIBN_RUNTIME": "bubblewrap",
            "VIBN_ADMIN_SECRET": ADMIN,
            "VIBN_PORT": "0",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*UP, "up"], env={**env, **ours, **self.environ}, stdout=log, stderr=log
            )
        self._wait()
        return self

    @property
    def log(self) -> Path:
        return self.config / "server.log"

    @property
    def token(self) -> str:
        profile = read_profile(self.config / "vibn" / "profile.toml")
        assert profile is not None
        return profile.token

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def client(self, token: str | None = None, **options: object) -> httpx2.Client:
        """With this token; by default the first one."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, **options)

    @property
    def operator(self) -> httpx2.Client:
        return self.client(ADMIN)

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _wait(self) -> None:
        """Until this very process answers."""
        place, end = self.state / "server.json", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            told = json.loads(place.read_text()) if place.exists() else {}
            if told.get("pid") == self.pid and "For your AI client" in self.log.read_text():
                self.url = told["url"]
                return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())


async def _remove_boxes(state: Path, url: str) -> None:
    settings = Settings(state_dir=state, database_url=SecretStr(url), runtime="bubblewrap")
    async with open_app(settings) as app:
        for box in await app.runtime.list():
            await app.runtime.remove(box.ref, volumes=True)


def remove_boxes(state: Path, url: str = "") -> None:
    """All of an installation whose servers have ended, then its directory."""
    asyncio.run(_remove_boxes(state, url))
    shutil.rmtree(state, ignore_errors=True)
