"""The one codec of the channel: length-prefixed frames, used on both sides.

A frame is eight bytes (header length, body length, both unsigned 32-bit big-endian), a header
(a JSON object, UTF-8, at most MAX_HEADER bytes) and a body (raw bytes, at most MAX_BODY).
docs/protocol.md says which frames exist. Stdlib only; Python 3.9 and later.
"""

from __future__ import annotations

import json
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Union

    Buffer = Union[bytes, bytearray, memoryview]

PROTOCOL = 1
"""The version of the frames and operations; the handshake refuses another."""

MAX_HEADER = 256 * 1024
MAX_BODY = 1024 * 1024
WINDOW = 256 * 1024
"""Credit, in body bytes, that each stream of a request starts with, in each direction."""

_PREFIX = Struct(">II")


class FrameError(Exception):
    """The peer's bytes are not frames; the connection can only be closed."""


def _no_number(name: str) -> NoReturn:
    raise ValueError(name + " is not JSON")


# Made once: json.dumps and json.loads with these options would make one for each frame.
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_from_json = json.JSONDecoder(parse_constant=_no_number).decode


def encode(header: dict[str, Any], body: Buffer = b"") -> bytes:
    """The bytes of one frame. Raises FrameError above the limits, ValueError for a header with a
    NaN or an infinity."""
    head = _to_json(header).encode()
    if len(head) > MAX_HEADER or len(body) > MAX_BODY:
        raise FrameError("frame too large: header %d, body %d" % (len(head), len(body)))
    return b"".join((_PREFIX.pack(len(head), len(body)), head, body))


class Decoder:
    """Turns bytes, in pieces of any size, into frames; holds at most one frame's bytes more than
    the piece it was fed."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: Buffer) -> list[tuple[dict[str, Any], bytes]]:
        """All complete frames so far, as (header, body) pairs. Raises FrameError.

        ``data`` is copied: its memory may be used again afterwards.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
            with memoryview(buffer) as view:
                frames, used = _split(view)
            if used:
                del buffer[:used]
        else:
            # Nothing is pending: whole frames are read where they lie.
            with memoryview(data) as view:
                frames, used = _split(view)
                if used < len(view):
                    buffer += view[used:]
        return frames

    @property
    def pending(self) -> int:
        """Bytes held of a frame that is not complete yet."""
        return len(self._buffer)


def _split(view: memoryview) -> tuple[list[tuple[dict[str, Any], bytes]], int]:
    """The complete frames at the start of ``view``, and how many bytes they take."""
    frames = []
    at = 0
    size = len(view)
    while size - at >= 8:
        head_len, body_len = _PREFIX.unpack_from(view, at)
        if head_len > MAX_HEADER or body_len > MAX_BODY:
            raise FrameError("frame too large: header %d, body %d" % (head_len, body_len))
        middle = at + 8 + head_len
        end = middle + body_len
        if size < end:
            break
        try:
            header = _from_json(str(view[at + 8 : middle], "utf-8"))
        except (ValueError, RecursionError):
            raise FrameError("header is not JSON") from None
        if type(header) is not dict:
            raise FrameError("header is not an object")
        frames.append((header, bytes(view[middle:end]) if body_len else b""))
        at = end
    return frames, at
