"""Containers of the built image, run with the docker program as a person would."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

IMAGE = "vibn-dev:latest"
SLIM = "vibn-dev:slim"


def docker(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )


def size(image: str) -> int:
    return int(docker("image", "inspect", "-f", "{{.Size}}", image).stdout)


@dataclass(frozen=True)
class Container:
    id: str

    def sh(
        self, command: str, user: str = "vibn", cwd: str = "/workspace", timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        where = ("exec", "-u", user, "-w", cwd, self.id)
        return docker(*where, "sh", "-c", command, timeout=timeout)

    def out(self, command: str, user: str = "vibn", cwd: str = "/workspace") -> str:
        """The command's stdout, stripped; it has to succeed."""
        done = self.sh(command, user, cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


Start = Callable[..., Container]


def certificates() -> list[str]:
    """How a box gets this host's CA bundle, where it has one of its own."""
    bundle = os.environ.get("SSL_CERT_FILE", "")
    if not Path(bundle).is_file():
        return []
    named = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
    given = [part for name in named for part in ("-e", f"{name}=/etc/vibn/ca.pem")]
    return ["-v", f"{bundle}:/etc/vibn/ca.pem:ro", *given]


def need(image: str) -> None:
    if shutil.which("docker") is None:
        pytest.skip("the docker program is not installed")
    if docker("version").returncode:
        pytest.skip("no Docker Engine answers")
    if docker("image", "inspect", image).returncode:
        pytest.skip(f"{image} is not built: run `vibn image build`")


@pytest.fixture(scope="session")
def start_for_all() -> Iterator[Start]:
    started: list[str] = []

    def start(*options: str, image: str = IMAGE) -> Container:
        need(image)
        name = f"vibn-image-test-{uuid.uuid4().hex[:12]}"
        started.append(name)
        done = docker("run", "-d", "--init", "--name", name, *certificates(), *options, image)
        assert done.returncode == 0, done.stderr
        return Container(name)

    yield start
    for name in started:
        docker("rm", "-f", "-v", name)


@pytest.fixture(scope="session")
def box(start_for_all: Start) -> Container:
    """One box for all that does not need a fresh one."""
    return start_for_all()


@pytest.fixture(scope="session")
def offline(start_for_all: Start) -> Container:
    return start_for_all("--network", "none")


@pytest.fixture
def fresh(start_for_all: Start) -> Iterator[Container]:
    """A box that nothing was installed in yet."""
    container = start_for_all()
    yield container
    docker("rm", "-f", "-v", container.id)


@pytest.fixture
def project(box: Container) -> str:
    """A new directory in the shared box's workspace."""
    path = f"/workspace/{uuid.uuid4().hex[:8]}"
    box.out(f"mkdir {path}")
    return path
