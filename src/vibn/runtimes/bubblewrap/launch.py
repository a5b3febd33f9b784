"""Starting a sandbox so that it is nobody's child and outlives us.

sh       enters the box's cgroups by itself
nsenter  enters the box's network namespace
setsid   leaves our session, and us: its own parent ends at once
bwrap    reads its options from a descriptor, so that no variable shows in a process list
prlimit  sets the limits of a process inside, where only the box's processes count
sh       waits at the gate, and lets go of what bwrap left open
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vibn.errors import BoxFailed, RuntimeUnavailable
from vibn.runtimes.bubblewrap import keyring, sandbox, seccomp
from vibn.runtimes.bubblewrap.commands import SYSTEM_PATH
from vibn.runtimes.bubblewrap.threads import complete
from vibn.runtimes.processes import Process

_WITHIN = 15.0
_SCRIPT = """
umask 022
if [ -n "$STAGE" ]; then mount --bind "$BASE" "$STAGE" || exit 71; fi
exec SPACE<"$USERNS" || exit 72
exec WAIT<"$GATE" || exit 73
unset BASE STAGE USERNS GATE
while [ "$1" != -- ]; do echo 0 >"$1" || exit 70; shift; done
shift
exec "$@"
"""
_INSIDE = 'read -r opened <&WAIT || exit 1; exec "$@" 2>/dev/null SPACE<&- WAIT<&-'
"""A gate whose keeper died, or gave up, lets nobody through. The box's program has neither the user
namespace, nor a file of the host that it could fill."""
_STAGES = ("/mnt", "/srv", "/media", "/opt")
"""Where, in a mount namespace of the launch alone, our files are bound when the directories above
them let nobody pass: bwrap acts as the box's user while it mounts."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What surrounds the sandbox. ``rlimits`` are options of prlimit."""

    entrances: Sequence[Path]
    rlimits: Sequence[str]
    namespace: Path | None
    staged: bool


async def start(box: sandbox.Sandbox, around: Launch, gate: int) -> Process:
    """The first process of the new sandbox. In it, when it is built (``executed``), the box's
    program waits for a line that can be read from ``gate``, a pipe of ours, and ends without one.
    Raises BoxFailed with what bwrap said."""
    places = box.places
    told, telling = os.pipe()
    report = os.open(places.report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    errors = os.open(places.complaints, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    options, filtered = os.memfd_create("vibn-sandbox"), -1
    try:
        if not seccomp.why_not():
            filtered = os.memfd_create("vibn-seccomp")
            _fill(filtered, seccomp.program(os.uname().machine))
        passed = [fd for fd in (telling, report, options, filtered) if fd >= 0]
        # A shell can close descriptors of one digit only.
        space, wait = [n for n in range(3, 10) if n not in passed][:2]
        script, inside = (
            text.replace("SPACE", str(space)).replace("WAIT", str(wait))
            for text in (_SCRIPT, _INSIDE)
        )
        words = sandbox.arguments(box, space)
        stage = _stage() if around.staged else ""
        base = str(places.base)
        if stage:
            words = [_moved(word, base, stage) for word in words]
        _fill(options, b"\0".join(word.encode() for word in words) + b"\0")
        bwrap = ["bwrap", "--args", str(options), "--info-fd", str(telling)]
        bwrap += ["--json-status-fd", str(report)]
        bwrap += ["--seccomp", str(filtered)] if filtered >= 0 else []
        chain = [
            *(["unshare", "--mount", "--propagation", "slave"] if stage else []),
            *("sh", "-c", script, "vibn-launch", *map(str, around.entrances), "--"),
            *([] if around.namespace is None else ["nsenter", f"--net={around.namespace}"]),
            *(
                "setsid",
                "--fork",
                *bwrap,
                "/usr/bin/prlimit",
                *around.rlimits,
                "/bin/sh",
                "-c",
                inside,
                "vibn-inside",
                *sandbox.MAIN,
            ),
        ]
        ours = f"/proc/{os.getpid()}/fd"
        env = {"PATH": SYSTEM_PATH, "BASE": base, "STAGE": stage}
        env |= {"USERNS": f"{ours}/{box.userns}", "GATE": f"{ours}/{gate}"}
        process = await keyring.apart(
            lambda: subprocess.Popen(
                chain,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=passed,
                env=env,
                cwd="/",
            )
        )
        os.close(telling)
        telling = -1
        try:
            said = await _all_of(told)
        finally:
            await complete(process.wait)
        pid = json.loads(said)["child-pid"] if said else None
        found = Process.find(pid) if isinstance(pid, int) else None
        if found is None:
            raise BoxFailed(f"The sandbox did not start: {complaint(places.complaints)}")
        return found
    except FileNotFoundError as exc:
        raise RuntimeUnavailable(f"A program is missing on this host: {exc.filename}.") from exc
    except TimeoutError as exc:
        raise BoxFailed(f"The sandbox did not start within {_WITHIN:g} s.") from exc
    finally:
        for fd in (told, telling, report, errors, options, filtered):
            if fd >= 0:
                os.close(fd)


async def executed(process: Process, complaints: Path) -> None:
    """Wait until bwrap, having built the sandbox, has become the program in it. Raises BoxFailed
    with what bwrap said."""
    deadline = asyncio.get_running_loop().time() + _WITHIN
    while process.name() == "bwrap" and process.alive():
        if asyncio.get_running_loop().time() > deadline:
            process.send(signal.SIGKILL)
            raise BoxFailed(f"The sandbox was not built within {_WITHIN:g} s.")
        await asyncio.sleep(0.001)
    if not process.alive():
        raise BoxFailed(f"The sandbox could not be built: {complaint(complaints)}")


def complaint(file: Path) -> str:
    """The last line that the sandbox wrote to stderr, cut to 300 characters; text to show only."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 4096))
            lines = stream.read(4096).decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return "".join(c for c in lines[-1][:300] if c.isprintable()) if lines else ""


def _fill(fd: int, content: bytes) -> None:
    """Make ``content`` what is read from ``fd``."""
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)


def _stage() -> str:
    return next(place for place in _STAGES if Path(place).is_dir())


def _moved(word: str, base: str, stage: str) -> str:
    return stage + word.removeprefix(base) if word.startswith(base + "/") else word


async def _all_of(fd: int) -> bytes:
    """Everything until the other ends are closed, at most 64 KiB."""
    loop = asyncio.get_running_loop()
    os.set_blocking(fd, False)
    found, done = bytearray(), loop.create_future()

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(fd, 4096)
            found.extend(chunk)
            if (not chunk or len(found) > 1 << 16) and not done.done():
                done.set_result(None)

    loop.add_reader(fd, read)
    try:
        async with asyncio.timeout(_WITHIN):
            await done
    finally:
        loop.remove_reader(fd)
    return bytes(found)
