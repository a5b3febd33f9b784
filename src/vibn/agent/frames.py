"""The one codec of the channel: length-prefixed frames, used on both sides.

A frame is eight bytes (header length, body length, both unsigned 32-bit big-endian), a header
(a JSON object, UTF-8, at most MAX_HEADER bytes) and a body (raw bytes, at most MAX_BODY).
docs/protocol.md says which frames exist. Stdlib only; Python 3.9 and later.

The json package imports re, which would double the time that the agent takes to start; so its C
core is used directly where it has the known shape, with the same results.
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
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


def _no_object(value: object) -> NoReturn:
    raise TypeError(type(value).__name__ + " is not JSON")


def _on_core() -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """(dumps, loads) on the C core of json. Raises when it is not there or not as known."""
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    class Settings:
        strict = True
        object_hook = object_pairs_hook = None
        parse_float = float
        parse_int = int
        parse_constant = staticmethod(_no_number)

    scan = make_scanner(Settings())  # type: ignore[arg-type]
    pieces = make_encoder(
        None, _no_object, encode_basestring_ascii, None, ":", ",", False, False, False
    )
    white = " \t\n\r"

    def to_json(value: Any) -> str:
        return "".join(pieces(value, 0))

    def from_json(text: str) -> Any:
        try:
            value, end = scan(text, len(text) - len(text.lstrip(white)))
        except (StopIteration, SystemError):
            # Before Python 3.13 the core asks the json package for the error to raise, and where
            # that is not loaded, raises none: a SystemError.
            raise ValueError("not JSON") from None
        if end != len(text) and text[end:].strip(white):
            raise ValueError("text after the JSON value")
        return value

    probe = {"a": [1, -2.5, None, True, "\u00e9\ud800"], "b": {}}
    if from_json(to_json(probe)) != probe:
        raise ValueError("another core")
    return to_json, from_json


def _on_package() -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    import json

    # Made once: json.dumps and json.loads with these options would make one for each frame.
    to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False)
    return to_json.encode, json.JSONDecoder(parse_constant=_no_number).decode


try:
    dumps, loads = _on_core()
except (ImportError, AttributeError, TypeError, ValueError):
    dumps, loads = _on_package()


def encode(header: dict[str, Any], body: Buffer = b"") -> bytes:
    """The bytes of one frame. Raises FrameError above the limits, ValueError for a header with a
    NaN or an infinity."""
    head = dumps(header).encode()
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
            header = loads(str(view[at + 8 : middle], "utf-8"))
        except (ValueError, RecursionError):
            raise FrameError("header is not JSON") from None
        if type(header) is not dict:
            raise FrameError("header is not an object")
        frames.append((header, bytes(view[middle:end]) if body_len else b""))
        at = end
    return frames, at
