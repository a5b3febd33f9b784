"""Runs a command of a language toolchain, installing the toolchain when it is missing.

    python3 -I -S /opt/vibn/toolchains run COMMAND [ARGUMENT ...]
    python3 -I -S /opt/vibn/toolchains install TOOL [VERSION]
    python3 -I -S /opt/vibn/toolchains commands

Exit status 127, as a shell's for a missing command, when the toolchain cannot be had; what to do
next is on stderr.
"""

import os
import subprocess
import sys
from pathlib import Path

import installs
from tools import TOOLS, Failed, by_command
from wanted import wanted

VIBN = 1000


def as_vibn(tool: str, version: str) -> None:
    """Root installs as vibn does: the caches belong to vibn, and so does what is in them."""
    argv = [sys.executable, "-I", "-S", str(Path(__file__).parent), "install", tool, version]
    home = {**os.environ, "HOME": "/home/vibn"}
    done = subprocess.run(argv, user=VIBN, group=VIBN, extra_groups=[], env=home, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def asked_by_pip() -> bool:
    """Whether pip is our parent: it runs ``rustc --version`` for its user agent, waits half a
    second, and would start an installation that nobody asked for."""
    try:
        words = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word == b"pip" or word.rpartition(b"/")[2].startswith(b"pip") for word in words[:4])


def run(command: str, arguments: list[str]) -> None:
    tool = by_command(command)
    version = wanted(tool.name, Path.cwd())
    if [command, *arguments] == ["rustc", "--version"] and asked_by_pip():
        raise SystemExit(127)
    if os.geteuid() == 0 and installs.find(tool, version) is None:
        as_vibn(tool.name, version)
    program = installs.ensure(tool, version) / "bin" / command
    if not program.exists():
        raise Failed(
            f"{tool.name} has no command {command} here",
            f"It is not part of this version; see what there is: ls {program.parent}",
        )
    if tool.name == "rust" and version:
        # rustup chooses, and fetches, the toolchain of this name by itself.
        os.environ.setdefault("RUSTUP_TOOLCHAIN", version)
    os.execv(program, [command, *arguments])


def main(arguments: list[str]) -> None:
    match arguments:
        case ["run", command, *rest]:
            run(command, rest)
        case ["install", name, *rest]:
            installs.ensure(TOOLS[name], rest[0] if rest else "")
        case ["commands"]:
            print(*(command for tool in TOOLS.values() for command in tool.commands))
        case _:
            raise SystemExit(__doc__)


try:
    main(sys.argv[1:])
except Failed as failure:
    print(f"vibn: {failure}\nNext step: {failure.hint}", file=sys.stderr)
    raise SystemExit(127) from None
except KeyboardInterrupt:
    raise SystemExit(130) from None
