"""What the fake knows: workspaces, tokens, projects with their files and jobs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vibn.client.testing.files import FakeFiles
from vibn.client.testing.process import FakeProcess


def now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class FakeJob:
    """A background command; ``data`` is all that it wrote."""

    id: str
    name: str
    process: FakeProcess
    started_at: str = field(default_factory=now)
    ended_at: str | None = None
    data: bytearray = field(default_factory=bytearray)

    def shown(self) -> dict[str, Any]:
        ended = bool(self.process.result) and self.ended_at is not None
        return {
            "id": self.id,
            "name": self.name,
            "cmd": self.process.command,
            "cwd": self.process.cwd,
            "pid": 1000 + int(self.id.removeprefix("j")),
            "state": "exited" if ended else "running",
            "exit": self.process.result.get("exit") if ended else None,
            "signal": self.process.result.get("signal") if ended else None,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "size": len(self.data),
            "first": 0,
        }


@dataclass
class FakeProject:
    slug: str
    name: str
    workspace: str
    env: dict[str, str]
    limits: dict[str, Any] | None
    seed: dict[str, str] | None
    created_at: str = field(default_factory=now)
    state: str = "absent"
    tier: str | None = None
    image: str = ""
    suspended_at: str | None = None
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    files: FakeFiles = field(default_factory=FakeFiles)
    jobs: dict[str, FakeJob] = field(default_factory=dict[str, FakeJob])

    def box(self) -> dict[str, Any]:
        return {
            "exists": self.state != "absent",
            "service_uuid": "" if self.state == "absent" else f"fake-{self.slug}",
            "state": self.state,
            "tier": self.tier,
            "image": self.image,
            "line": f"Your environment is {self.state}.",
            "reason": "",
            "last_active_at": None,
            "suspended_at": self.suspended_at,
            "live": None,
        }

    def shown(self) -> dict[str, Any]:
        fields = ("slug", "name", "workspace", "created_at", "env", "limits", "seed")
        return {name: getattr(self, name) for name in fields} | {
            "box": self.box(),
            "dev_servers": [],
        }

    def wake(self) -> bool:
        """Whether the box was made by this."""
        made = self.state == "absent"
        self.state, self.tier, self.suspended_at = "running", None, None
        self.image = self.image or "vibn-dev"
        return made


@dataclass
class FakeToken:
    text: str
    id: str
    name: str
    workspace: str
    project: str | None = None
    access: str = "full"
    created_at: str = field(default_factory=now)
    expires_at: str | None = None
    revoked_at: str | None = None

    def shown(self) -> dict[str, Any]:
        fields = ("id", "name", "workspace", "project", "access")
        times = ("created_at", "expires_at", "revoked_at")
        return {name: getattr(self, name) for name in (*fields, *times)}

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


def new_token(workspace: str, name: str, **more: Any) -> FakeToken:
    return FakeToken(f"vibn_{secrets.token_hex(16)}", secrets.token_hex(4), name, workspace, **more)
