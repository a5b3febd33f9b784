"""Which server a client talks to, and as whom."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vibn.client.profile import Profile, profile_path, read_profile
from vibn.errors import InvalidInput, Unauthenticated

LOCAL = "http://127.0.0.1:8642"
"""Where `vibn up` listens unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``admin_secret`` is for operators; it reaches no project."""

    url: str
    token: str = ""
    admin_secret: str = ""

    def __repr__(self) -> str:
        return f"Endpoint(url={self.url!r}, ...)"

    def credential(self, admin: bool) -> str:
        """What to send. Raises Unauthenticated when there is nothing."""
        found = (self.admin_secret or self.token) if admin else self.token
        if found:
            return found
        what, name = ("admin secret", "ADMIN_SECRET") if admin else ("token", "TOKEN")
        raise Unauthenticated(
            f"There is no {what} for {self.url}.",
            hint=f"Set VIBN_{name}, or put it into {profile_path()}: `vibn up` writes that file.",
        )


def endpoint(
    url: str = "",
    token: str = "",
    admin_secret: str = "",
    *,
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
) -> Endpoint:
    """What is given, else the environment (``VIBN_URL``, ``VIBN_TOKEN``, ``VIBN_ADMIN_SECRET``),
    else the profile. The profile's token goes to the profile's server only. Raises InvalidInput
    for an address that is none, or a profile that must not be used."""
    url = url or environ.get("VIBN_URL", "")
    token = token or environ.get("VIBN_TOKEN", "")
    admin_secret = admin_secret or environ.get("VIBN_ADMIN_SECRET", "")
    profile = Profile()
    if not (url and token and admin_secret):
        profile = _usable(read_profile(path or profile_path(environ)), url)
    return Endpoint(
        checked(url or profile.url or LOCAL),
        _credential("VIBN_TOKEN", token or profile.token),
        _credential("VIBN_ADMIN_SECRET", admin_secret or profile.admin_secret),
    )


def _credential(name: str, text: str) -> str:
    """Without the line break that a file or a shell left at its end. Raises InvalidInput for what
    no header may hold."""
    bare = text.strip()
    if not (bare.isascii() and bare.isprintable()):
        raise InvalidInput(f"{name} holds characters that none has.", hint="Copy it once more.")
    return bare


def checked(url: str) -> str:
    """The address without a slash at its end. Raises InvalidInput."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https", "memory") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise InvalidInput(
            f"Not an address of a server: {url!r}.", hint=f"It looks like {LOCAL}: set VIBN_URL."
        )
    if parts.username or parts.query or parts.fragment:
        raise InvalidInput("The server's address holds more than an address.", hint=f"As: {LOCAL}")
    return url.rstrip("/")


def _usable(profile: Profile | None, url: str) -> Profile:
    """Nothing of a profile for another server."""
    if profile is None or (url and url.rstrip("/") != profile.url.rstrip("/")):
        return Profile()
    return profile
