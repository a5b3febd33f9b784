"""Names of arguments that models know from elsewhere, taken quietly for ours.

They are in no schema. One that is ambiguous, or contradicts what else was given, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vibn.tools.mistakes import Mistake, given

MAX_SECONDS = 3600


class Unfit(Exception):
    """The alias cannot be understood."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.problem)
        self.mistake = mistake


@dataclass(frozen=True, slots=True)
class Alias:
    """``names`` are other names for the tool's arguments ``targets``. ``translate`` gets those
    that were given, and gives the arguments that they mean. Raises Unfit."""

    names: tuple[str, ...]
    targets: tuple[str, ...]
    translate: Callable[[Mapping[str, object]], Mapping[str, object]]


def renamed(target: str, *names: str) -> tuple[Alias, ...]:
    def alias(name: str) -> Alias:
        return Alias((name,), (target,), lambda found: {target: found[name]})

    return tuple(alias(name) for name in names)


def _from_range(found: Mapping[str, object]) -> dict[str, object]:
    ends = found["view_range"]
    takes = "a list of two line numbers, the second -1 for the end of the file"
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise Unfit(Mistake("view_range", f"must be {takes}, not {given(ends)}", takes))
    return _span("view_range", ends[0], ends[1])


def _from_lines(found: Mapping[str, object]) -> dict[str, object]:
    if "end_line" not in found:
        return {"offset": found["start_line"]}
    return _span("end_line", found.get("start_line", 1), found["end_line"])


def _span(name: str, first: object, last: object) -> dict[str, object]:
    start, end = _line(name, first), _line(name, last)
    if end == -1:
        return {"offset": start}
    if not 1 <= max(start, 1) <= end:
        raise Unfit(Mistake(name, f"ends at line {end}, before it begins at line {start}"))
    return {"offset": start, "limit": end - max(start, 1) + 1}


def _line(name: str, value: object) -> int:
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 1 << 40:
        raise Unfit(Mistake(name, f"must hold line numbers, not {given(value)}", "line numbers"))
    return value


def _from_seconds(found: Mapping[str, object]) -> dict[str, object]:
    value = found["timeout"]
    try:
        seconds = float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds <= MAX_SECONDS:
        takes = f"a number of seconds up to {MAX_SECONDS}; timeout_ms takes milliseconds"
        raise Unfit(Mistake("timeout", f"must be {takes}, not {given(value)}", takes))
    return {"timeout_ms": max(1, round(seconds * 1000))}


LINES = (
    Alias(("view_range",), ("offset", "limit"), _from_range),
    Alias(("start_line", "end_line"), ("offset", "limit"), _from_lines),
)
SECONDS = (Alias(("timeout",), ("timeout_ms",), _from_seconds),)
