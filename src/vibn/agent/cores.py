"""The C cores of standard modules whose Python halves would slow the start: signal alone imports
enum, and that half the library."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections import deque
else:
    import _signal as signal
    from _collections import deque

__all__ = ["deque", "sha256", "signal"]


def sha256(data: bytes) -> str:
    """The digest in hexadecimal, without loading OpenSSL where Python has its own."""
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        return str(module.sha256(data).hexdigest())
    raise ImportError("no SHA-256")
