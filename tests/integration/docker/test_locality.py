"""The probes that find out whether the engine sees our files: none stays."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time

import pytest


@pytest.fixture
def leave(image):
    """Leaves a probe as a control plane does that dies; all are gone at the end."""
    made: list[str] = []

    def leave(installation: str, age: float) -> str:
        told = {"installation": installation, "role": "probe", "made": f"{time.time() - age:.0f}"}
        labels = [f"--label=vibn.{key}={value}" for key, value in told.items()]
        made.append(docker("create", *labels, image, "true"))
        return made[-1]

    yield leave
    for handle in made:
        subprocess.run(["docker", "rm", "--force", handle], capture_output=True, check=False)


async def test_the_next_probe_removes_what_a_dead_control_plane_left(
    runtime, image, installation, leave
):
    stale, fresh = leave(installation, 90), leave(installation, 5)
    foreign = leave(f"test-{secrets.token_hex(6)}", 90)
    await runtime._locality.shared(image)
    left = docker("ps", "--all", "--quiet", "--no-trunc", "--filter=label=vibn.role=probe").split()
    assert stale not in left
    assert {fresh, foreign} <= set(left)


async def test_a_probe_leaves_no_container(runtime, image, installation):
    await runtime._locality.shared(image)
    assert (
        docker("ps", "--all", "--quiet", f"--filter=label=vibn.installation={installation}") == ""
    )


@pytest.mark.parametrize("after", [0.0, 0.005, 0.02, 0.05])
async def test_a_probe_that_was_cut_short_leaves_no_container(runtime, image, installation, after):
    looking = asyncio.create_task(runtime._locality.shared(image))
    await asyncio.sleep(after)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    mine = f"--filter=label=vibn.installation={installation}"
    assert docker("ps", "--all", "--quiet", mine) == ""


def docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()
