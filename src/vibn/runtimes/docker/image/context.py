"""What the engine is sent: a tar of ``image/``, the agent's file and the host's CA bundle.

The same content gives the same bytes (no times, no owners), so an unchanged step stays cached.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from vibn.errors import FileMissing

DIRECTORY = Path(__file__).parents[5] / "image"
"""``image/`` of the clone that this module is part of."""


def dockerfile(directory: Path, *, slim: bool) -> str:
    """The Dockerfile's text; for slim up to the end of its stage, where the engine then stops."""
    try:
        text = (directory / "Dockerfile").read_text()
    except OSError as exc:
        raise FileMissing(
            f"There is no Dockerfile in {directory}.",
            hint="Run `vibn image build` from a clone of the project; a wheel does not carry it.",
        ) from exc
    if not slim:
        return text
    before, stage, after = text.partition(" AS slim\n")
    return before + stage + after.partition("\nFROM ")[0] + "\n"


def pack(files: Mapping[str, bytes | Path]) -> IO[bytes]:
    """An uncompressed tar of ``files`` by their names in it, in a temporary file, rewound."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.mode = 0o644
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                with content.open("rb") as file:
                    entry.size = content.stat().st_size
                    tar.addfile(entry, file)
    packed.seek(0)
    return packed


def context(
    directory: Path, agent: bytes, ca_file: Path | None, *, slim: bool
) -> dict[str, bytes | Path]:
    """The files of a build. The CA bundle serves one stage that is thrown away; slim needs none."""
    text = dockerfile(directory, slim=slim)
    files: dict[str, bytes | Path] = {
        str(path.relative_to(directory)): path
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files["Dockerfile"] = text.encode()
    files["agent.pyz"] = agent
    if ca_file is not None and not slim:
        files["host-ca.crt"] = ca_file
    return files
