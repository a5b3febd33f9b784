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


def margin_of(values: Iterable[str]) -> int:
    """Bytes before and after a part that must be looked at, to know what of it is secret."""
    return max((len(needle) - 1 for needle in _needles(values)), default=0)


def mask_part(
    text: bytes, start: int, stop: int, values: Iterable[str], *, more: bool
) -> tuple[bytes, int]:
    """``text[start:stop]`` masked, and where it ends: before ``stop`` when ``more`` follows and
    its end may be the beginning of a value. ``text`` holds ``margin_of`` bytes around the part,
    where there are so many. A stretch is one mask in the part where it begins."""
    masker = Masker(values)
    end = max(start, min(stop, masker.undecided(text))) if more else stop
    parts: list[bytes] = []
    covered = start
    for begin, finish in masker.found(text):
        if begin >= end:
            break
        if begin >= covered:
            parts += [text[covered:begin], MASK]
        covered = max(covered, finish)
    parts.append(text[covered:end])
    return b"".join(parts), end


def mask_cut(head: bytes, tail: bytes, values: Iterable[str]) -> tuple[bytes, bytes]:
    """Both ends of an output whose middle was cut away, masked; a value that the cut went through
    shows on neither side of it."""
    values = list(values)
    first, _ = mask_part(head, 0, len(head), values, more=True)
    halved = [
        size
        for needle in _needles(values)
        for size in range(SHORTEST, len(needle))
        if tail.startswith(needle[-size:])
    ]
    return first, mask_bytes(tail[max(halved, default=0) :], values)


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
        return self._give(text, self.undecided(text))

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
        for start, stop in self.found(text):
            if start >= until:
                break
            if start >= covered:
                parts += [text[covered:start], MASK]
            covered = max(covered, stop)
        parts.append(text[covered:until])
        self._kept, self._covered = text[until:], max(0, covered - until)
        return b"".join(parts)

    def found(self, text: bytes) -> list[tuple[int, int]]:
        """Stretches that values cover, in order. Those of one value do not overlap."""
        places: list[tuple[int, int]] = []
        for needle in self._needles:
            places += _stretches(text, needle)
        return sorted(places)

    def undecided(self, text: bytes) -> int:
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
