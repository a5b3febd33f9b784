"""Scripts for the fake that run the command for real, in an empty directory of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from typing import IO

from vibn.client.testing import FakeProcess, Killed


def shell(process: FakeProcess) -> int:
    """As a box would, but without its files."""
    with tempfile.TemporaryDirectory() as directory:
        child = subprocess.Popen(
            ["sh", "-c", process.command],
            cwd=directory,
            env={**os.environ, **process.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        threads = [
            threading.Thread(target=_pump, args=(child.stdout, process.out)),
            threading.Thread(target=_pump, args=(child.stderr, process.err)),
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=_feed, args=(process, child), daemon=True).start()
        try:
            while child.poll() is None:
                process.sleep(0.01)
        except Killed:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            child.wait()
            for thread in threads:
                thread.join()
    return child.returncode


def _pump(stream: IO[bytes], tell: object) -> None:
    assert callable(tell)
    try:
        while data := os.read(stream.fileno(), 65536):
            tell(data)
    except Killed:
        pass
    stream.close()


def _feed(process: FakeProcess, child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    try:
        while data := process.read():
            child.stdin.write(data)
            child.stdin.flush()
        child.stdin.close()
    except (Killed, OSError):
        return
