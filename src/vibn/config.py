"""Settings, read once from the environment and passed in; nothing here is global.

Every field is ``VIBN_<NAME>``. Sizes take Docker's spelling (``512m``, ``1g`` = 1 GiB).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vibn.models import Limits

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: object) -> int:
    """Bytes from ``1g``, ``512m``, ``1GiB`` or a number. Units are powers of 1024."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?\s*", str(text).lower())
    if match is None:
        raise ValueError(f"not a size: {text!r} (write 512m, 1g, or a number of bytes)")
    return int(float(match[1]) * _UNITS[match[2]])


Size = Annotated[int, BeforeValidator(parse_size)]


def _default_state_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/vibn")
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "vibn"


class Settings(BaseSettings):
    """What an operator can set. Defaults serve one machine with no flag at all."""

    model_config = SettingsConfigDict(env_prefix="VIBN_", frozen=True, extra="ignore")

    state_dir: Path = Field(default_factory=_default_state_dir)
    """Everything this installation keeps on disk: the database, keys, sockets, bubblewrap boxes.
    Keep it short: a socket path inside it has at most 108 bytes."""

    database_url: SecretStr = SecretStr("")
    """PostgreSQL (``postgresql://user:password@host/db``). Empty: SQLite in ``state_dir``."""

    runtime: Literal["", "docker", "bubblewrap", "memory"] = ""
    """Empty: Docker when its socket answers and the image exists, else bubblewrap."""

    dev_image: str = "vibn-dev:latest"
    dev_cpu_limit: float = Field(default=1.0, gt=0)
    dev_mem_limit: Size = 1 << 30
    dev_disk_limit: Size = 10 * (1 << 30)
    dev_pids_limit: int = Field(default=512, ge=32)
    dev_log_limit: Size = 10 * (1 << 20)

    docker_runtime: str = ""
    """An OCI runtime of the engine for boxes, such as ``runsc``. Empty: the engine's default."""
    docker_subnets: str = "10.213.0.0/16"
    """The block that per-project networks are cut from, as /28 subnets."""
    docker_agent: Literal["auto", "socket", "relay"] = "auto"
    """How the agent is reached: over a bind-mounted socket, or through the engine's exec API."""
    network_guard: bool = True
    """Add firewall rules that keep boxes from the host and private ranges (docs/security.md)."""

    ca_bundle: str = ""
    """A CA bundle of this host for boxes. Empty: ``SSL_CERT_FILE`` when it is set."""

    warm_pool: int = Field(default=0, ge=0, le=64)
    """Unassigned boxes kept ready, to make a first ensure fast."""

    host: str = "127.0.0.1"
    """The address that the server listens on. Beyond loopback it wants ``admin_secret``."""
    port: int = Field(default=8642, ge=0, le=65535)
    """0: any free one."""
    public_url: str = ""
    """Where clients reach the server, such as ``https://vibn.example.com``. Empty: by ``host``
    and ``port``."""
    allowed_hosts: str = ""
    """Comma-separated host names, with port or without, that requests may name beside those of
    ``host`` and ``public_url``."""
    allowed_origins: str = ""
    """Comma-separated origins of web pages that may call the server, beside its own."""
    admin_secret: SecretStr = SecretStr("")
    """What operators send as their bearer token. Empty: one is made and kept in ``state_dir``."""
    rate_limit: float = Field(default=100.0, ge=0)
    """Calls a second of one token in the long run, on each server; 0: no limit."""
    rate_burst: int = Field(default=400, ge=1)
    """Calls of one token that may come at once before the rate counts."""
    call_limit: int = Field(default=128, ge=0)
    """Calls of one token that may be open at the same time; 0: no limit."""
    body_limit: Size = 24 << 20
    """Bytes of a request's body. Uploads come as streams and do not count."""
    shutdown_grace: float = Field(default=10.0, ge=0, le=600)
    """Seconds that calls get to end when the server is stopped; then they are ended."""
    log_format: Literal["", "console", "json"] = ""
    """Empty: for people on a terminal, else JSON."""

    def alone_in(self, state_dir: Path, warm_pool: int = 0) -> Settings:
        """The same settings for an installation of its own: nothing of it is in the database,
        the directory or the pool of this one."""
        apart = {"state_dir": state_dir, "database_url": SecretStr(""), "warm_pool": warm_pool}
        return self.model_copy(update=apart)

    @property
    def limits(self) -> Limits:
        return Limits(
            cpus=self.dev_cpu_limit,
            memory=self.dev_mem_limit,
            disk=self.dev_disk_limit,
            pids=self.dev_pids_limit,
            log=self.dev_log_limit,
        )

    @property
    def ca_file(self) -> Path | None:
        """The bundle to mount into boxes, when one is named and exists."""
        name = self.ca_bundle or os.environ.get("SSL_CERT_FILE", "")
        return Path(name) if name and Path(name).is_file() else None
