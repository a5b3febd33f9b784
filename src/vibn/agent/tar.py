"""The headers of tar archives: ustar, with the long names of GNU and of pax."""

from __future__ import annotations

from .failure import Failure

BLOCK = 512
MAX_EXTENSION = 1 << 20
"""Bytes of one extension header (a long name, pax records)."""
FILE, HARD, LINK, FOLDER = b"0", b"1", b"2", b"5"
PAX, PAX_ALL, LONG_NAME, LONG_LINK = b"x", b"g", b"L", b"K"
EXTENSIONS = (PAX, PAX_ALL, LONG_NAME, LONG_LINK)


class Member:
    """One entry: ``kind`` is its type byte; ``name`` and ``link`` are as in the archive."""

    __slots__ = ("kind", "link", "mode", "mtime", "name", "size")

    def __init__(
        self, kind: bytes, name: bytes, size: int, mode: int, mtime: float, link: bytes = b""
    ) -> None:
        self.kind = kind
        self.name = name
        self.size = size
        self.mode = mode
        self.mtime = mtime
        self.link = link


def wrong(reason: str) -> Failure:
    return Failure("invalid_input", "the archive is damaged or no tar: %s" % reason)


def parse(block: bytes) -> Member | None:
    """The entry of a header block; None for a block of zeros, which ends an archive."""
    if not block.strip(b"\0"):
        return None
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    if _number(block[148:156]) != total:
        raise wrong("a header's checksum differs")
    kind = block[156:157]
    name = _text(block[0:100])
    if block[257:263] == b"ustar\0" and block[345] and kind not in EXTENSIONS:
        name = _text(block[345:500]) + b"/" + name
    if kind in (b"\0", b"7", FILE):
        kind = FOLDER if name.endswith(b"/") else FILE
    size = _number(block[124:136]) if kind in (FILE, *EXTENSIONS) else 0
    mode = _number(block[100:108]) & 0o777
    return Member(kind, name, size, mode, _number(block[136:148]), _text(block[157:257]))


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return 0  # negative: only times before 1970
    try:
        return int(field.replace(b"\0", b" ").strip() or b"0", 8)
    except ValueError:
        raise wrong("a number is none") from None


def records(data: bytes) -> dict[bytes, bytes]:
    """The ``length key=value`` records of a pax header."""
    found = {}
    at = 0
    while at < len(data) and data[at]:
        digits = data[at : at + 20].partition(b" ")[0]
        size = int(digits) if digits.isdigit() else 0
        record = data[at + len(digits) + 1 : at + size]
        key, equals, value = record.partition(b"=")
        if size < 5 or at + size > len(data) or not equals or value[-1:] != b"\n":
            raise wrong("a pax record is cut")
        found[key] = value[:-1]
        at += size
    return found


def extend(member: Member, found: dict[bytes, bytes]) -> None:
    """What pax records say of an entry replaces what its header says."""
    if any(key.startswith(b"GNU.sparse") for key in found):
        raise Failure("invalid_input", "sparse files in an archive are not supported")
    member.name = found.get(b"path", member.name)
    member.link = found.get(b"linkpath", member.link)
    try:
        if b"size" in found:
            member.size = int(found[b"size"])
        if b"mtime" in found:
            member.mtime = float(found[b"mtime"])
    except ValueError:
        raise wrong("a pax number is none") from None
    if not 0 <= member.size < 1 << 60 or not 0 <= member.mtime < 1 << 36:
        raise wrong("a pax number is out of range")


def header(member: Member) -> bytes:
    """The blocks that begin an entry; its content, padded to whole blocks, follows."""
    extra = b""
    if len(member.name) > 100:
        extra += _record(b"path", member.name)
    if len(member.link) > 100:
        extra += _record(b"linkpath", member.link)
    if member.size >= 1 << 33:
        extra += _record(b"size", b"%d" % member.size)
    out = b""
    if extra:
        out = _block(Member(PAX, b"pax", len(extra), 0o644, 0)) + padded(extra)
    return out + _block(member)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest)
    while size != len(rest) + len(b"%d" % size):
        size = len(rest) + len(b"%d" % size)
    return b"%d" % size + rest


def _block(member: Member) -> bytes:
    size = member.size if member.size < 1 << 33 else 0
    mtime = max(0, min(int(member.mtime), (1 << 33) - 1))
    fields = [
        member.name[:100].ljust(100, b"\0"),
        b"%07o\0" % member.mode,
        b"0000000\0" * 2,
        b"%011o\0" % size,
        b"%011o\0" % mtime,
        b" " * 8,
        member.kind,
        member.link[:100].ljust(100, b"\0"),
        b"ustar\00000",
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    """``data`` filled with zeros to whole blocks."""
    return data + bytes(-len(data) % BLOCK)
