"""The profile: where a person's server is, and by what it knows them.

A TOML file, ``$XDG_CONFIG_HOME/vibn/profile.toml`` or ``~/.config/vibn/profile.toml``, that only
its owner may read: it holds a token.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vibn.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Profile:
    url: str = ""
    token: str = ""
    admin_secret: str = ""

    def __repr__(self) -> str:
        return f"Profile(url={self.url!r}, ...)"


def profile_path(environ: Mapping[str, str] = os.environ) -> Path:
    base = environ.get("XDG_CONFIG_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".config"
    return home / "vibn" / "profile.toml"


def read_profile(path: Path) -> Profile | None:
    """None where there is none. Raises InvalidInput when others may read it, or when it is not
    TOML that a profile may hold."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InvalidInput(f"The profile {path} cannot be read: {error.strerror}.") from error
    if mode & 0o077:
        raise InvalidInput(
            f"The profile {path} holds a token and others may read it (mode {mode:04o}).",
            hint=f"chmod 600 {path}",
        )
    return _parsed(text, path)


def write_profile(url: str, token: str, admin_secret: str = "", path: Path | None = None) -> Path:
    """Write the profile, whole or not at all, for its owner alone. Answers where it is."""
    target = path or profile_path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fields = {"url": url, "token": token, "admin_secret": admin_secret}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items() if value)
    descriptor, made = tempfile.mkstemp(prefix=".profile-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(target)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise
    return target


def _parsed(text: bytes, path: Path) -> Profile:
    known = ("url", "token", "admin_secret")
    try:
        found = tomllib.loads(text.decode())
    except ValueError as error:
        raise InvalidInput(f"The profile {path} is not TOML: {error}.") from None
    wrong = [name for name, value in found.items() if name not in known or type(value) is not str]
    if wrong:
        raise InvalidInput(
            f"The profile {path} has what no profile holds: {', '.join(sorted(wrong))}.",
            hint=f"It holds text for {', '.join(known)}.",
        )
    return Profile(**found)
