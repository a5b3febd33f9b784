"""A chain: the rows of one process, each sealed together with the seal of the row before it.

A row that is changed, left out, put in or moved breaks the chain there. The first row is sealed
with a beginning made of the chain's name, so no row can begin another chain. A chain's name holds
its key's id and is random otherwise.
"""

from __future__ import annotations

from secrets import token_hex

from vibn.services.audit import line
from vibn.services.audit.entry import Entry
from vibn.services.audit.keys import Key, seal


def beginning(key: Key, chain: str) -> str:
    """What stands for the mac of the row before the first."""
    return seal(key.rows, b"vibn audit chain\0" + chain.encode(errors="replace"))


def mac(key: Key, previous: str, unsealed: bytes) -> str:
    """``previous`` is the mac of the row before. Both have one length, or are not ours."""
    return seal(key.rows, b"vibn audit row\0" + previous.encode() + b"\0" + unsealed)


class Chain:
    """The one that this process writes. ``seq`` and ``mac`` are those of its last row."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.name = f"{key.id}-{token_hex(8)}"
        self.seq = 0
        self.mac = beginning(key, self.name)

    def add(self, entry: Entry) -> bytes:
        """The next row, as its line.

        The fingerprint of its arguments is bound to the token: nobody finds out what another
        token's call held by sending guesses and comparing.
        """
        seen = f"{entry.token}\0{entry.arguments}".encode(errors="surrogatepass")
        row = entry.row(self.name, self.seq + 1, seal(self.key.arguments, seen))
        unsealed = line.body(row)
        self.mac = mac(self.key, self.mac, unsealed)
        self.seq += 1
        return line.sealed(unsealed, self.mac)
