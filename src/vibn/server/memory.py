"""What a server does about its memory once it is up."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """What was made at the start stays: the collector need not look at it again, which shortens
    its pauses; and what starting took and nothing needs any more goes back to the system."""
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)
