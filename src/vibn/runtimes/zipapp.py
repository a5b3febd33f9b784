"""Builds the agent's one file: a zip that Python runs.

Stored, not compressed, so that starting needs no zlib; each module as source and as code compiled
for the interpreter that is going to run it, without docstrings (another interpreter falls back to
the source). The bytes
depend on the sources and that interpreter alone; their SHA-256 is the agent's ``build``.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tempfile
import zipfile
from pathlib import Path

AGENT = Path(__file__).resolve().parent.parent / "agent"
_PACKAGE = "agent"
_MAIN = b"""import os
import sys

from agent.start import main

os._exit(main(sys.argv[1:]))
"""
_COMPILE = """
import importlib.util, marshal, sys
out = sys.stdout.buffer
out.write(len(importlib.util.MAGIC_NUMBER).to_bytes(4, "big") + importlib.util.MAGIC_NUMBER)
read = sys.stdin.buffer.read
while True:
    size = read(4)
    if not size:
        break
    name = read(int.from_bytes(size, "big")).decode()
    source = read(int.from_bytes(read(4), "big"))
    code = marshal.dumps(compile(source, name, "exec", dont_inherit=True, optimize=2))
    out.write(len(code).to_bytes(4, "big") + code)
"""
_TIME = (1980, 1, 1, 0, 0, 0)
_UNCHECKED_HASH = (1).to_bytes(4, "little")
"""The flags of a .pyc that is taken as it is: the zip holds source and code of one build."""


def sources() -> dict[str, bytes]:
    """The agent's modules by their path in the zip."""
    found = {f"{_PACKAGE}/{path.name}": path.read_bytes() for path in sorted(AGENT.glob("*.py"))}
    del found[f"{_PACKAGE}/__main__.py"]
    return {"__main__.py": _MAIN, **found}


def build(directory: Path, python: str = "/usr/bin/python3") -> Path:
    """The agent's zipapp for ``python``, in ``directory``, built unless it is there already.

    Its name holds the sources' and the interpreter's identity, and a file once written is never
    changed: a running agent goes on importing from it. Safe for concurrent callers. Raises OSError
    when ``python`` cannot be run, subprocess.SubprocessError when it cannot compile the agent.
    """
    modules = sources()
    interpreter = Path(python).resolve()
    stat = interpreter.stat()
    identity = hashlib.sha256(f"{interpreter} {stat.st_mtime_ns} {stat.st_size}".encode())
    for name, source in modules.items():
        identity.update(f"{name} {len(source)} ".encode() + source)
    target = directory / f"agent-{identity.hexdigest()[:16]}.pyz"
    if not target.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        _write(target, _zip(modules, _compiled(modules, python)))
    return target


def digest(zipapp: Path) -> str:
    """The ``build`` that an agent started from this file says it is."""
    return hashlib.sha256(zipapp.read_bytes()).hexdigest()


def _compiled(modules: dict[str, bytes], python: str) -> dict[str, bytes]:
    wanted = b""
    for name, source in modules.items():
        shown = name.encode()
        wanted += len(shown).to_bytes(4, "big") + shown + len(source).to_bytes(4, "big") + source
    done = subprocess.run(
        [python, "-I", "-S", "-c", _COMPILE],
        input=wanted,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    stream = io.BytesIO(done.stdout)

    def take() -> bytes:
        return stream.read(int.from_bytes(stream.read(4), "big"))

    header = take() + _UNCHECKED_HASH + bytes(8)
    return {name: header + take() for name in modules}


def _zip(modules: dict[str, bytes], compiled: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, source in modules.items():
            for path, content in ((f"{name}c", compiled[name]), (name, source)):
                entry = zipfile.ZipInfo(path, _TIME)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
    return out.getvalue()


def _write(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".agent-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
