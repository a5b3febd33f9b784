"""The keys of the audit trail: one secret in a file, and what is derived from it for each use.

The file holds a secret in base64 on each line, the newest last: new chains use that one, the
others still verify. It is made at first use with mode 0600. Who runs several control planes on
one database gives each the same file; who loses it can verify nothing that was written before.

A key's id is derived from it too, and every chain's name begins with it: rows that another key
made are told from rows that were changed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vibn.errors import Denied, InvalidInput
from vibn.services.audit import durable

SIZE = 32
ID = 4
"""Bytes of a key's id."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """The sub-keys of one secret: for rows, for heads, for arguments."""

    id: str
    rows: bytes
    heads: bytes
    arguments: bytes

    @classmethod
    def of(cls, secret: bytes) -> Key:
        return cls(
            id=_derived(secret, b"id", ID).hex(),
            rows=_derived(secret, b"rows"),
            heads=_derived(secret, b"heads"),
            arguments=_derived(secret, b"arguments"),
        )

    def __repr__(self) -> str:
        return f"Key({self.id})"


class Keys:
    """The keys of one file. Nothing is read or made before the first use.

    Every method raises Denied when others can read the file, InvalidInput when it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, Key] = {}

    def newest(self) -> Key:
        """Made if there is none. Raises OSError when it cannot be made."""
        if not self._keys:
            if not self.path.exists():
                _make(self.path)
            self._keys = _read(self.path)
        return list(self._keys.values())[-1]

    def of_chain(self, chain: str) -> Key | None:
        """The one that made this chain, or None when it is not in the file."""
        name = chain.partition("-")[0]
        if name not in self._keys and self.path.exists():
            self._keys = _read(self.path)
        return self._keys.get(name)


def seal(key: bytes, message: bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.digest(key, message, "sha256").hex()


def _derived(secret: bytes, use: bytes, size: int = SIZE) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=b"vibn audit " + use).derive(secret)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.make(path, base64.b64encode(os.urandom(SIZE)) + b"\n")


def _read(path: Path) -> dict[str, Key]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Denied(
            f"The key file {path} can be read by others (mode {mode:o}).",
            hint=f"Run: chmod 600 {path}",
        )
    keys = [Key.of(_secret(line, path)) for line in path.read_bytes().split()]
    if not keys:
        raise _damaged(path)
    return {key.id: key for key in keys}


def _secret(line: bytes, path: Path) -> bytes:
    try:
        secret = base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise _damaged(path) from error
    if len(secret) != SIZE:
        raise _damaged(path)
    return secret


def _damaged(path: Path) -> InvalidInput:
    return InvalidInput(
        f"The key file {path} is damaged.",
        hint="Restore it from a backup; without it, what was audited cannot be verified.",
    )
