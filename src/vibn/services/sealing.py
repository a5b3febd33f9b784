"""Sealing: secrets at rest, under keys that only this installation has.

A sealed value is ``b"v1" + key id (8 ASCII hex digits) + nonce (12) + ciphertext and tag``, by
AES-256-GCM. What it belongs to (project and name) is authenticated with it, so a sealed value
that is copied to another row does not open there.

The key file holds a line ``<key id> <key in base64>`` for each key, the newest last: that one
seals, all open. It is made at first use with mode 0600. Who runs several control planes on one
database gives each the same file; who loses it loses the secrets, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vibn.errors import Conflict, Denied, InvalidInput

_MARK = b"v1"
_ID = 8
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: bytes

    @classmethod
    def new(cls) -> Key:
        return cls(os.urandom(_ID // 2).hex(), AESGCM.generate_key(256))

    def line(self) -> str:
        return f"{self.id} {base64.b64encode(self.secret).decode()}\n"

    def __repr__(self) -> str:
        return f"Key({self.id})"


class Keyring:
    """The keys of one file. Nothing is read or made before the first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, Key] = {}

    def seal(self, plain: bytes, belongs_to: tuple[str, str]) -> bytes:
        key = list(self._loaded().values())[-1]
        nonce = os.urandom(_NONCE)
        cipher = AESGCM(key.secret).encrypt(nonce, plain, _binding(belongs_to))
        return _MARK + key.id.encode() + nonce + cipher

    def open(self, sealed: bytes, belongs_to: tuple[str, str]) -> bytes:
        """Raises Conflict when the key is not ours any more, or the value was tampered with."""
        key = self._key(sealed)
        start = len(_MARK) + _ID
        nonce, cipher = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return AESGCM(key.secret).decrypt(nonce, cipher, _binding(belongs_to))
        except (InvalidTag, ValueError) as error:
            raise _unreadable("it is damaged, or was sealed for another place") from error

    def newest(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return self._key(sealed) is list(self._loaded().values())[-1]

    def rotate(self) -> str:
        """Add a key that seals from now on; the others go on opening. Returns its id."""
        self._loaded()
        key = Key.new()
        draft = self.path.with_name(f"{self.path.name}.{key.id}")
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            # Read again under the lock: a key that another process adds now must not be lost.
            fcntl.flock(lock, fcntl.LOCK_EX)
            _write(draft, [*_read(self.path).values(), key])
            draft.replace(self.path)
        self._keys = _read(self.path)
        return key.id

    def _key(self, sealed: bytes) -> Key:
        if not sealed.startswith(_MARK):
            raise _unreadable("it is not a sealed value")
        name = sealed[len(_MARK) : len(_MARK) + _ID].decode(errors="replace")
        keys = self._loaded()
        if name not in keys:
            # Another control plane may have rotated since we read the file.
            keys = self._keys = _read(self.path)
        if name not in keys:
            raise _unreadable(f"its key {name!r} is not in {self.path}")
        return keys[name]

    def _loaded(self) -> dict[str, Key]:
        if not self._keys:
            if not self.path.exists():
                _make(self.path)
            self._keys = _read(self.path)
        return self._keys


def _binding(belongs_to: tuple[str, str]) -> bytes:
    parts = [part.encode() for part in belongs_to]
    return b"vibn secret" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _make(path: Path) -> None:
    """Of several processes at once one makes the file; it is never seen half written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Key.new()
    draft = path.with_name(f"{path.name}.{key.id}")
    _write(draft, [key])
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _write(path: Path, keys: list[Key]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(key.line() for key in keys)
        file.flush()
        os.fsync(file.fileno())
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> dict[str, Key]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Denied(
            f"The key file {path} can be read by others (mode {mode:o}).",
            hint=f"Run: chmod 600 {path}",
        )
    keys = {}
    for line in path.read_text().splitlines():
        name, _, text = line.partition(" ")
        try:
            secret = base64.b64decode(text, validate=True)
        except binascii.Error:
            secret = b""
        if len(name) != _ID or len(secret) != 32:
            raise InvalidInput(
                f"The key file {path} is damaged.", hint="Restore it from a backup of the state."
            )
        keys[name] = Key(name, secret)
    if not keys:
        raise InvalidInput(
            f"The key file {path} is empty.",
            hint="Restore it from a backup, or delete it: secrets must then be set again.",
        )
    return keys


def _unreadable(why: str) -> Conflict:
    return Conflict(
        f"A secret cannot be opened: {why}.",
        hint="Restore the key file from a backup, or set the secret again.",
    )
