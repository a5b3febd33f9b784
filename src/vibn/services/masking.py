"""Masking: secret values never come back in what a command printed.

Every stretch that is covered by secret values is replaced by ``***``: where values overlap, the
whole stretch is one, so no rest of a longer or a later value stays readable. Values of less than
``SHORTEST`` characters are left, they would hide ordinary text. A value with line breaks is also
found as a terminal prints it, with CR LF.
"""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST = 4
"""Characters of the shortest value that is masked."""
MASK = b"***"


def mask(text: str, values: Iterable[str]) -> str:
    return mask_bytes(text.encode(errors="surrogatepass"), values).decode(errors="surrogatepass")


def mask_bytes(data: bytes, values: Iterable[str]) -> bytes:
    masker = Masker(values)
    return masker.feed(data) + masker.end()


class Masker:
    """Masks a stream: the answers, joined, are what masking the whole at once gives. It keeps
    back only an end that may be the beginning of a value."""

    def __init__(self, values: Iterable[str]) -> None:
        self._needles = sorted(_needles(values), key=len, reverse=True)
        self._kept = b""
        self._covered = 0
        """How much of the kept end belongs to a stretch whose mask was given out already."""

    def feed(self, chunk: bytes) -> bytes:
        if not self._needles:
            return chunk
        text = self._kept + chunk
        return self._give(text, self._undecided(text))

    def end(self) -> bytes:
        """What was kept back. The next feed begins anew."""
        text = self._kept
        given = self._give(text, len(text))
        self._covered = 0
        return given

    def _give(self, text: bytes, until: int) -> bytes:
        """``text`` up to ``until``, masked; the rest is kept for the next time."""
        parts: list[bytes] = []
        covered = self._covered
        for start, stop in self._found(text):
            if start >= until:
                break
            if start >= covered:
                parts += [text[covered:start], MASK]
            covered = max(covered, stop)
        parts.append(text[covered:until])
        self._kept, self._covered = text[until:], max(0, covered - until)
        return b"".join(parts)

    def _found(self, text: bytes) -> list[tuple[int, int]]:
        """Stretches that values cover, in order. Those of one value do not overlap."""
        places: list[tuple[int, int]] = []
        for needle in self._needles:
            places += _stretches(text, needle)
        return sorted(places)

    def _undecided(self, text: bytes) -> int:
        """The first place from which more text could still complete a value."""
        first = len(text)
        for needle in self._needles:
            start = text.find(needle[:1], max(0, len(text) - len(needle) + 1), first)
            while start >= 0:
                if needle.startswith(text[start:]):
                    first = start
                    break
                start = text.find(needle[:1], start + 1, first)
        return first


def _stretches(text: bytes, needle: bytes) -> list[tuple[int, int]]:
    """What occurrences of ``needle`` cover, overlapping ones together; linear in ``text``.

    A value that repeats itself may occur at every place of a long run. The run is followed by
    comparing one repetition at a time, not by finding the whole value again.
    """
    places: list[tuple[int, int]] = []
    size = len(needle)
    period = 0
    start = text.find(needle)
    while start >= 0:
        stop = start + size
        period = period or _period(needle)
        if period < size:
            stop = _run(text, stop, needle[size - period :])
        if places and start < places[-1][1]:
            places[-1] = (places[-1][0], stop)
        else:
            places.append((start, stop))
        start = text.find(needle, stop - size + 1)
    return places


def _run(text: bytes, stop: int, repeated: bytes) -> int:
    """Where repetitions of ``repeated`` that begin at ``stop`` end; many are compared at once."""
    for many in (repeated * (4096 // len(repeated)), repeated):
        while many and text.startswith(many, stop):
            stop += len(many)
    return stop


def _period(needle: bytes) -> int:
    """The smallest distance at which ``needle`` fits onto itself; its length when it never does.
    By the failure function of Knuth, Morris and Pratt."""
    border = [0] * len(needle)
    length = 0
    for at in range(1, len(needle)):
        while length and needle[at] != needle[length]:
            length = border[length - 1]
        if needle[at] == needle[length]:
            length += 1
        border[at] = length
    return len(needle) - length


def _needles(values: Iterable[str]) -> set[bytes]:
    long = [value for value in values if len(value) >= SHORTEST]
    forms = long + [value.replace("\n", "\r\n") for value in long if "\n" in value]
    return {form.encode(errors="surrogatepass") for form in forms}
