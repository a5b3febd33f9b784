"""The one codec of the channel: length-prefixed frames, used on both sides.

A frame is eight bytes (header length, body length, both unsigned 32-bit big-endian), a header
(a JSON object, UTF-8, at most MAX_HEADER bytes) and a body (raw bytes, at most MAX_BODY).
docs/protocol.md says which frames exist. Stdlib only; Python 3.9 and later.
"""

import json
from struct import Struct

PROTOCOL = 1
"""The version of the frames and operations; the handshake refuses another."""

MAX_HEADER = 256 * 1024
MAX_BODY = 1024 * 1024
WINDOW = 256 * 1024
"""Credit, in body bytes, that each stream of a request starts with, in each direction."""

_PREFIX = Struct(">II")


class FrameError(Exception):
    """The peer's bytes are not frames; the connection can only be closed."""


def encode(header, body=b""):
    """The bytes of one frame. Raises FrameError above the limits."""
    head = json.dumps(header, separators=(",", ":")).encode()
    if len(head) > MAX_HEADER or len(body) > MAX_BODY:
        raise FrameError("frame too large: header %d, body %d" % (len(head), len(body)))
    return b"".join((_PREFIX.pack(len(head), len(body)), head, body))


class Decoder:
    """Turns bytes, in pieces of any size, into frames; holds at most one frame's bytes more than
    the piece it was fed."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """All complete frames so far, as (header, body) pairs. Raises FrameError."""
        buffer = self._buffer
        buffer += data
        frames = []
        at = 0
        size = len(buffer)
        while size - at >= 8:
            head_len, body_len = _PREFIX.unpack_from(buffer, at)
            if head_len > MAX_HEADER or body_len > MAX_BODY:
                raise FrameError("frame too large: header %d, body %d" % (head_len, body_len))
            end = at + 8 + head_len + body_len
            if size < end:
                break
            middle = at + 8 + head_len
            try:
                header = json.loads(buffer[at + 8 : middle])
            except (ValueError, RecursionError):
                raise FrameError("header is not JSON") from None
            if type(header) is not dict:
                raise FrameError("header is not an object")
            frames.append((header, bytes(buffer[middle:end])))
            at = end
        if at:
            del buffer[:at]
        return frames

    @property
    def pending(self):
        """Bytes held of a frame that is not complete yet."""
        return len(self._buffer)
