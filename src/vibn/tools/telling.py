"""How results become the text that a model reads: what was asked for first, then one note."""

from __future__ import annotations

from collections.abc import Iterable

from vibn.errors import EditAmbiguous, EditNoMatch, VibnError

ROOM = 80_000
"""Characters of a listing. Clients refuse results above about 25,000 tokens, and a token of code
is some three characters."""
MESSAGE = 4000


def noted(body: str, *notes: str) -> str:
    """``body``, and the notes in brackets as its last line."""
    told = "; ".join(note for note in notes if note)
    if not told:
        return body
    end = "" if not body or body.endswith("\n") else "\n"
    return f"{body}{end}[{told}]"


def within(lines: Iterable[str], room: int = ROOM) -> list[str]:
    """As many of the first lines as fit into ``room`` characters, but one at least."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    return kept


def one_line(text: str, most: int = 200) -> str:
    """For a place in a line: without line breaks, and cut."""
    joined = " ".join(text[: most * 4].split())
    return joined if len(joined) <= most else joined[: most - 1] + "…"


def count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def size(number: int) -> str:
    """Bytes, as a person says them."""
    if number < 1024:
        return count(number, "byte")
    amount, unit = number / 1024, "KiB"
    for larger in ("MiB", "GiB"):
        if amount >= 1024:
            amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}"


def render_error(error: VibnError) -> str:
    """What happened, what to do next, and what helps doing it."""
    lines = [f"{error.code}: {error.message[:MESSAGE]}"]
    if error.hint:
        lines.append(error.hint)
    lines += _helpful(error)
    return "\n".join(lines)


def _helpful(error: VibnError) -> list[str]:
    if isinstance(error, EditNoMatch):
        return _nearest(error.detail.get("nearest"))
    if isinstance(error, EditAmbiguous) and isinstance(lines := error.detail.get("lines"), list):
        return ["It begins in the lines " + ", ".join(map(str, lines)) + "."]
    after = error.detail.get("retry_after")
    if isinstance(after, int | float):
        return [f"Try again in {after:g} s."]
    return ["The same call may be tried again."] if error.retryable else []


def _nearest(places: object) -> list[str]:
    found: list[str] = []
    for place in places if isinstance(places, list) else []:
        if not isinstance(place, dict):
            continue
        line, text = place.get("line"), place.get("text")
        if not isinstance(line, int) or not isinstance(text, str):
            continue
        rows = enumerate(text.removesuffix("\n").split("\n"), line)
        found += [f"{number:6}\t{row}" for number, row in rows]
    return ["The nearest lines of the file are:", *found] if found else []
