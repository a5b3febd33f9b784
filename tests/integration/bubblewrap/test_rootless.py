"""The runtime's contract once more without root, with the network through pasta or slirp4netns.

Where root alone may open /dev/net/tun, a mount namespace of the test's own opens it to the user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
USER = "64123"
AS_USER = f"""
set -e
mknod "$1/tun" c 10 200 && chmod 666 "$1/tun" && mount --bind "$1/tun" /dev/net/tun
chown {USER}:{USER} "$1/home" && shift
exec setpriv --reuid {USER} --regid {USER} --clear-groups "$@"
"""
CONTRACT = [
    "tests/contract/runtime",
    *("-q", "-p", "no:cacheprovider", "-k", "bubblewrapped and not cancelled_create"),
]
NETWORK = """
import asyncio, sys
from pathlib import Path
from vibn.channel.client import AgentClient
from vibn.config import Settings
from vibn.models import BoxRef, BoxSpec
from vibn.runtimes.bubblewrap import BubblewrapRuntime

async def main():
    runtime = BubblewrapRuntime(Settings(state_dir=Path(sys.argv[1])), "rootless")
    ref = BoxRef("b", await runtime.create(BoxSpec("b", "shop", "acme", "any")))
    try:
        client = await AgentClient.connect(await runtime.connect(ref))
        result = await client.exec(sys.argv[2], timeout=120)
        print(result.stdout.decode(), result.stderr.decode())
        await client.close()
    finally:
        await runtime.remove(ref, volumes=True)
    sys.exit(result.exit)

asyncio.run(main())
"""


@pytest.fixture
def directory():
    if os.geteuid() != 0:
        pytest.skip("without root already: the other tests are this test")
    python = Path(sys.executable).resolve()
    if not all(d.stat().st_mode & 0o001 for d in (ROOT, *ROOT.parents, *python.parents)):
        pytest.skip("this checkout or its Python is closed to other users")
    if not any(shutil.which(name) for name in ("pasta", "slirp4netns")):
        pytest.skip("neither pasta nor slirp4netns is installed")
    made = Path(tempfile.mkdtemp(prefix="vibn-rootless-"))
    made.chmod(0o755)
    (made / "home").mkdir()
    yield made
    shutil.rmtree(made)


def as_user(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = str(directory / "home")
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", AS_USER, "as-user", str(directory), *arguments],
        cwd=ROOT,
        env={**os.environ, "HOME": home, "TMPDIR": home, "VIBN_TEST_REQUIRE": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_the_contract_holds_without_root(directory):
    done = as_user(directory, sys.executable, "-m", "pytest", *CONTRACT)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.internet
@pytest.mark.parametrize("private", ["169.254.169.254", "10.0.0.1", "192.168.1.1"])
def test_a_package_comes_in_and_private_ranges_do_not(directory, private):
    near = f"! timeout 3 bash -c '</dev/tcp/{private}/80' 2>/dev/null"
    command = f"cd /tmp && pip download -q --no-deps idna && ls idna* && {near}"
    home = str(directory / "home")
    done = as_user(directory, sys.executable, "-c", NETWORK, home, command)
    assert done.returncode == 0, done.stdout + done.stderr
