"""Which version of a tool a project asks for.

Read upwards from the working directory, the nearest file wins: ``mise.toml``, ``.mise.toml``,
``.tool-versions``, and for node ``.nvmrc`` and ``.node-version``; then mise's global
``config.toml``. ``go.mod`` and ``rust-toolchain.toml`` are read by go and rustup themselves.
"""

import os
import re
import tomllib
from pathlib import Path

ALIASES = {"node": ("node", "nodejs"), "go": ("go", "golang"), "rust": ("rust",)}
CODENAMES = {"hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}


def plain(text: str) -> str:
    """``v22.1.0`` is ``22.1.0``, ``lts/jod`` is ``22``; empty for words such as ``latest``."""
    word = text.strip().lower().removeprefix("lts/").removeprefix("lts-")
    word = CODENAMES.get(word, word)
    match = re.fullmatch(r"[~^=v ]*(\d+(?:\.\d+)*)(?:\.[x*])*", word)
    return match[1] if match else ""


def in_toml(path: Path, names: tuple[str, ...]) -> str | None:
    try:
        tools = tomllib.loads(path.read_text()).get("tools", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    for name in names:
        value = tools.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, dict):
            value = value.get("version")
        if isinstance(value, str | int | float):
            return str(value)
    return None


def in_tool_versions(path: Path, names: tuple[str, ...]) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    for line in lines:
        words = line.split("#")[0].split()
        if len(words) > 1 and words[0] in names:
            return words[1]
    return None


def in_line(path: Path) -> str | None:
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return None
    return lines[0] if lines else None


def wanted(tool: str, directory: Path) -> str:
    """The version, as plain digits (``22`` or ``22.1.0``; for rust a channel too), or empty."""
    names = ALIASES.get(tool, (tool,))
    found: str | None = None
    for place in (directory, *directory.parents):
        found = in_toml(place / "mise.toml", names) or in_toml(place / ".mise.toml", names)
        found = found or in_tool_versions(place / ".tool-versions", names)
        if tool == "node":
            found = found or in_line(place / ".nvmrc") or in_line(place / ".node-version")
        if found:
            break
    else:
        config = os.environ.get("MISE_CONFIG_DIR", "")
        found = in_toml(Path(config) / "config.toml", names) if config else None
    if tool == "rust" and found in ("stable", "beta", "nightly"):
        return found
    return plain(found or "")
