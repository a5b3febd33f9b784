"""SHA-256 from the interpreter's own module: OpenSSL's is faster on megabytes, but loading it
would cost each box 5 ms and 1.7 MB of private memory."""

from __future__ import annotations

import os

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Hash(Protocol):
        def update(self, data: bytes, /) -> None: ...
        def hexdigest(self) -> str: ...

    class Make(Protocol):
        def __call__(self, data: bytes = b"", /) -> Hash: ...

    sha256: Make
else:
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

PIECE = 256 * 1024


def of_file(fd: int) -> str:
    """The digest, in hexadecimal, of an open file's whole content; its position stays."""
    digest = sha256()
    offset = 0
    while True:
        data = os.pread(fd, PIECE, offset)
        if not data:
            return digest.hexdigest()
        digest.update(data)
        offset += len(data)


def expect(actual: str, expected: str | None, path: str) -> None:
    """Raises Failure(hash_mismatch) when the file is not the one that was read."""
    if expected is not None and actual != expected.lower():
        raise Failure(
            "hash_mismatch",
            "%s is not what was read: its SHA-256 is another" % path,
            detail={"sha256": actual},
        )
