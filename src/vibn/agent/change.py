"""What an edit changed, as a short unified diff; and on a miss, the lines most like the text."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any

CONTEXT = 3
MAX_DIFF = 8000
"""Characters of a diff; what is beyond is told as a count of lines."""
MAX_LINE = 500
PLACES = 3
PATIENCE = 0.1
"""Seconds of search for similar lines."""


def line_number(data: bytes, at: int) -> int:
    """The line, from 1, that the byte ``at`` is in."""
    return data.count(b"\n", 0, at) + 1


def unified(data: bytes, old: bytes, new: bytes, count: int, path: str) -> str:
    """The diff of replacing the first ``count`` of ``old``; at most about MAX_DIFF characters."""
    out = ["--- a/%s\n+++ b/%s\n" % (path, path)]
    size = len(out[0])
    drift = 0
    for start, lines in _hunks(data, old, new, count):
        before = sum(mark != "+" for mark, _ in lines)
        after = sum(mark != "-" for mark, _ in lines)
        out.append(
            "@@ -%d,%d +%d,%d @@\n"
            % (start - (not before), before, start + drift - (not after), after)
        )
        drift += after - before
        for number, (mark, line) in enumerate(lines):
            shown = _shown(mark, line)
            size += len(shown)
            if size > MAX_DIFF:
                out.append("... %d more lines of this place\n" % (len(lines) - number))
                return "".join(out)
            out.append(shown)
    return "".join(out)


def _hunks(
    data: bytes, old: bytes, new: bytes, count: int
) -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """The number of a hunk's first line, and its marked lines; each stands apart from the next."""
    lines: list[tuple[str, bytes]] = []
    first = number = 1
    counted = stop = 0
    for start, end, gone, come in _regions(data, old, new, count):
        if lines and data.count(b"\n", stop, start) <= 2 * CONTEXT:
            lines += [(" ", line) for line in _split(data[stop:start])]
        else:
            if lines:
                yield first, lines + [(" ", line) for line in _lines_after(data, stop)]
            number += data.count(b"\n", counted, start)
            counted = start
            above = _lines_before(data, start)
            first = number - len(above)
            lines = [(" ", line) for line in above]
        lines += [("-", line) for line in gone]
        lines += [("+", line) for line in come]
        stop = end
    if lines:
        yield first, lines + [(" ", line) for line in _lines_after(data, stop)]


def _regions(
    data: bytes, old: bytes, new: bytes, count: int
) -> Iterator[tuple[int, int, list[bytes], list[bytes]]]:
    """Where whole lines change, from byte to byte: the lines that go and those that come."""
    at = data.find(old)
    while at >= 0 and count > 0:
        start = data.rfind(b"\n", 0, at) + 1
        pieces: list[bytes] = []
        done = start
        # All replacements that touch the same lines belong together.
        while True:
            pieces += (data[done:at], new)
            done = at + len(old)
            count -= 1
            stop = data.find(b"\n", done)
            stop = len(data) if stop < 0 else stop + 1
            if data[done - 1 : done] == b"\n" and new.endswith(b"\n"):
                stop = done
            at = data.find(old, done) if count else -1
            if at < 0 or at >= stop:
                break
        pieces.append(data[done:stop])
        gone = _split(data[start:stop])
        come = _split(b"".join(pieces))
        while gone and come and gone[0] == come[0]:
            start += len(gone[0])
            del gone[0], come[0]
        while gone and come and gone[-1] == come[-1]:
            stop -= len(gone[-1])
            del gone[-1], come[-1]
        yield start, stop, gone, come


def _split(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    out = [line + b"\n" for line in lines]
    if last:
        out.append(last)
    return out


def _lines_before(data: bytes, at: int) -> list[bytes]:
    start = at
    for _ in range(CONTEXT):
        if start == 0:
            break
        start = data.rfind(b"\n", 0, start - 1) + 1
    return _split(data[start:at])


def _lines_after(data: bytes, at: int) -> list[bytes]:
    stop = at
    for _ in range(CONTEXT):
        found = data.find(b"\n", stop)
        if found < 0:
            stop = len(data)
            break
        stop = found + 1
    return _split(data[at:stop])


def _shown(mark: str, line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    end = "" if text.endswith("\n") else "\n\\ No newline at end of file\n"
    if len(text) > MAX_LINE:
        return mark + text[:MAX_LINE] + "...\n"
    return mark + text + end


def nearest(data: bytes, old: bytes) -> Generator[None, None, list[dict[str, Any]]]:
    """The places of ``data`` most like ``old``: ``{line, text}``, the best first, each with as
    many lines as ``old`` has (at most ten). A generator: the search lets others work."""
    wanted = old.decode("utf-8", "replace").split("\n")
    lead = next((n for n, line in enumerate(wanted) if line.strip()), 0)
    wanted = wanted[lead : lead + 10]
    while len(wanted) > 1 and not wanted[-1].strip():
        wanted.pop()
    lines = data.split(b"\n")
    scores: list[tuple[float, int]] = []
    profiles = [_profile(line) for line in wanted]
    deadline = monotonic() + PATIENCE
    keys = {line.strip() for line in wanted if line.strip()}
    for number, raw in enumerate(lines):
        if number % 200 == 199:
            if monotonic() > deadline:
                break
            yield None
        line = raw[:MAX_LINE].decode("utf-8", "replace").strip()
        if not line:
            continue
        score = 1.0 if wanted[0].strip() == line else _likeness(profiles[0], _profile(line))
        if score < 0.4 and line not in keys:
            continue
        scores.append((_block(lines, number, wanted, profiles, score), number))
        if len(scores) > 2000:
            scores = _best(scores)[:PLACES]
    found = []
    for score, number in _best(scores)[:PLACES]:
        if score < 0.4:
            break
        block = b"\n".join(line[:MAX_LINE] for line in lines[number : number + len(wanted)])
        text = block[: 4 * MAX_LINE].decode("utf-8", "replace")
        found.append({"line": number + 1, "text": text})
    return found


def _best(scores: list[tuple[float, int]]) -> list[tuple[float, int]]:
    return sorted(scores, key=lambda one: (-one[0], one[1]))


def _block(
    lines: list[bytes], number: int, wanted: list[str], profiles: list[set[str]], first: float
) -> float:
    """How alike the lines from ``number`` on are to all that is wanted, 0 to 1."""
    total = first
    for step in range(1, len(wanted)):
        if number + step < len(lines):
            line = lines[number + step][:MAX_LINE].decode("utf-8", "replace").strip()
            if line == wanted[step].strip():
                total += 1.0
            else:
                total += _likeness(profiles[step], _profile(line))
    return total / len(wanted)


def _profile(line: str) -> set[str]:
    """The pairs of characters in it."""
    line = line[:MAX_LINE].strip()
    return {line[at : at + 2] for at in range(max(1, len(line) - 1))}


def _likeness(a: set[str], b: set[str]) -> float:
    """Dice's coefficient."""
    if not a or not b:
        return 0.0
    return 2.0 * len(a & b) / (len(a) + len(b))
