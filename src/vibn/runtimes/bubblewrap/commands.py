"""Running a program of the host with a deadline."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from vibn.errors import RuntimeUnavailable

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for: a user's PATH often lacks the sbin directories."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a program left: its exit status, stdout, and the last line of stderr."""

    status: int
    out: str
    complaint: str


def which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


async def run(argv: Sequence[str], given: str = "", within: float = 10.0) -> Output:
    """Run to its end with ``given`` as stdin. Raises RuntimeUnavailable when the program is
    missing or takes longer than ``within`` seconds (it is killed then)."""
    program = which(argv[0])
    if program is None:
        raise RuntimeUnavailable(f"The program {argv[0]} is missing on this host.")
    # A file, not a pipe: a program that ends without reading it breaks nothing.
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        process = await asyncio.create_subprocess_exec(
            program,
            *argv[1:],
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"},
        )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except TimeoutError as exc:
        raise RuntimeUnavailable(f"{argv[0]} did not end within {within:g} s.") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = err.decode(errors="replace").strip().splitlines()
    return Output(process.returncode or 0, out.decode(errors="replace"), lines[-1] if lines else "")


async def must(argv: Sequence[str], given: str = "", within: float = 10.0) -> str:
    """As ``run``; raises RuntimeUnavailable for an exit status other than 0. Returns stdout."""
    output = await run(argv, given, within)
    if output.status != 0:
        raise RuntimeUnavailable(f"`{' '.join(argv[:4])}` failed: {output.complaint}")
    return output.out
